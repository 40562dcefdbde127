"""What every channel over Twilio shares: the account, the proof on its calls, the calls to it, what its errors mean.

No channel by itself: `Sms` and the phone build on it.
"""

from convokit.transports.twilio.account import Account
from convokit.transports.twilio.errors import failure, meaning
from convokit.transports.twilio.signature import Form, read_form, sign

__all__ = ["Account", "Form", "failure", "meaning", "read_form", "sign"]
