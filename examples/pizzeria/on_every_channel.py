"""The pizzeria on its own page, Telegram and Messenger: the same bot, one more line."""

# --8<-- [start:program]
from pizza import bot

from convokit.transports import Messenger

bot.attach(Messenger.from_env())
# --8<-- [end:program]
