"""Phone calls over Twilio: a call is a conversation, spoken both ways; a person takes over by being called."""

from convokit.transports.voice.desk import PhoneDesk
from convokit.transports.voice.phone import Voice

__all__ = ["PhoneDesk", "Voice"]
