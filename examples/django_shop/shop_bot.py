"""The shop's bot: a chat on its pages, and its staff at the inbox."""

# --8<-- [start:bot]
from typing import Any

from django.conf import settings
from django.contrib.auth import aget_user
from django.contrib.sessions.backends.db import SessionStore
from django.http import HttpRequest

from convokit import Bot, SignalReceived, Turn
from convokit.desks import Inbox, Operator
from convokit.transports import WebChat


async def staff(connection: Any) -> Operator | None:
    request = HttpRequest()
    request.session = SessionStore(connection.cookies.get(settings.SESSION_COOKIE_NAME))
    user = await aget_user(request)
    if not user.is_staff:
        return None
    return Operator(
        id=f"staff-{user.pk}",
        name=user.get_full_name() or user.get_username(),
        role="lead" if user.is_superuser else "operator",
    )


bot = Bot("shop", desk=Inbox(authenticate=staff))
bot.attach(WebChat())
# --8<-- [end:bot]


@bot.fallback
async def answer(turn: Turn) -> None:
    turn.reply("Thank you, we have got that.")


# --8<-- [start:signal]
@bot.signal("order.shipped")
async def tell_customer(turn: Turn) -> None:
    if isinstance(turn.event, SignalReceived):
        turn.reply(f"Order {turn.event.data['order']} has left our shop.")


# --8<-- [end:signal]
