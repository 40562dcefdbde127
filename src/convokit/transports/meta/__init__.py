"""What Messenger, Instagram and WhatsApp share: one company's webhooks, signature, Graph API and ads. No transport.

`door` verifies calls, `graph` makes them, `errors` reads refusals, `raw` takes a webhook's JSON apart, `referrals`
reads by which way somebody came, `files` fetches what customers sent.
"""
