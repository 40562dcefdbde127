"""The shop as one ASGI app: its own pages, the chat and the inbox."""

# --8<-- [start:asgi]
import os

from django.core.asgi import get_asgi_application
from shop_bot import bot
from starlette.applications import Starlette
from starlette.routing import Mount

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop_settings")

application = Starlette(
    routes=[Mount("/bot", bot.asgi()), Mount("/", get_asgi_application())],
    lifespan=bot.lifespan,
)
# --8<-- [end:asgi]
