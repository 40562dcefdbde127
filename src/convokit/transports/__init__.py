"""The channels that come with convokit. Each is loaded when it is first named, so that importing this costs nothing."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from convokit.transports.console import Console as Console
    from convokit.transports.email import Email as Email
    from convokit.transports.instagram import Instagram as Instagram
    from convokit.transports.messenger import Messenger as Messenger
    from convokit.transports.sms import Sms as Sms
    from convokit.transports.telegram import Telegram as Telegram
    from convokit.transports.voice import Voice as Voice
    from convokit.transports.webchat import WebChat as WebChat
    from convokit.transports.whatsapp import WhatsApp as WhatsApp

__all__ = ["Console", "Email", "Instagram", "Messenger", "Sms", "Telegram", "Voice", "WebChat", "WhatsApp"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{name.lower()}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
