"""What every edge needs, written once and offered to plugin authors too: encoding, signatures, text, HTTP."""
