"""The olive store: pages with a chat in the store's own look, and the bot behind it, in one app."""

from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Mount, Route

from convokit import Bot, Button, Message, Turn
from convokit.transports import WebChat

PAGES = Path(__file__).parent
# --8<-- [start:policy]
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self' ws: wss:; img-src 'self' blob:; "
    "media-src 'self'; font-src 'self'; base-uri 'none'; form-action 'self'; require-trusted-types-for 'script'"
)
# --8<-- [end:policy]

bot = Bot("olives")
GREETING = Message("Good day. What may we find for you?", buttons=[Button("Our oils"), Button("Hours")])
bot.attach(WebChat(greeting=GREETING, bot_name="Olive Store"))


@bot.text("our oils")
async def oils(turn: Turn) -> None:
    turn.reply("Koroneiki is green and peppery, Manaki mild.", buttons=["Koroneiki", "Manaki"])


@bot.fallback
async def other(turn: Turn) -> None:
    turn.reply("We are open from 9 to 17.")


FILES = {
    "": "shop.html",
    "arabic": "arabic.html",
    "inline": "inline.html",
    "shop.css": "shop.css",
    "shop.js": "shop.js",
}


async def page(request: Request) -> Response:
    """One of the store's files; whatever else lies beside them is not served."""
    name = FILES.get(request.path_params["name"])
    if name is None:
        return Response(status_code=404)
    return FileResponse(PAGES / name, headers={"Content-Security-Policy": POLICY})


app = Starlette(
    routes=[Mount("/bot", bot.asgi()), Route("/{name:path}", page)],
    lifespan=bot.lifespan,
)
