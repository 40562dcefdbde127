"""One table for each language that is read. Only common, sure forms stand in them: what is missing is asked back."""
