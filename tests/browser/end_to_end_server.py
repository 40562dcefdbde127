"""The program of the end-to-end tests: a pizzeria with its chat and its inbox, on one file, as a business runs it.

`python end_to_end_server.py FOLDER PORT` serves until it is stopped or killed. Beside the bot's own pages there are the
shop's, under the strict policy, and `/test/link/{operator}`, which makes a one-time link as `convokit operators` does.
"""

import logging
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import uvicorn
from attrs import define
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route

from convokit import END, Bot, Button, Card, File, Message, Settings, Turn
from convokit.desks import Inbox
from convokit.desks.inbox.people import Operator, account_of, add, one_time_link
from convokit.stores import SQLite
from convokit.transports import WebChat
from convokit.transports.webchat import Bounds, customer_token

FOLDER, PORT = Path(sys.argv[1]), int(sys.argv[2])
SECRET = "a secret of the shop's own, long enough"
OPERATORS = (
    Operator(id="maya", name="Maya Ruiz", role="lead", max=8),
    Operator(id="jonas", name="Jonas Weber", max=8),
)
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self' ws:; img-src 'self' blob:; "
    "media-src 'self'; font-src 'self'; base-uri 'none'; form-action 'self'; require-trusted-types-for 'script'"
)
RECEIPT = b"Crane Street Pizza\nOne large Margherita: 9.50\n"

bot = Bot("pizzeria", desk=Inbox(), settings=Settings(files=str(FOLDER / "files"), answers_a_minute=100_000))


@define
class Order:
    size: str = ""
    address: str = ""


ordering = bot.dialog(Order)


@ordering.state(ask="Small or large?", choices=["small", "large"], to=["address"])
async def size(turn: Turn, order: Order, answer: str) -> None:
    order.size = answer


@ordering.state(ask="Where shall we bring it?", to=[END])
async def address(turn: Turn, order: Order, answer: str) -> None:
    order.address = answer
    turn.reply(f"One {order.size} pizza is on its way to {order.address}.")


@bot.text("pizza", "order", "بيتزا")
async def order_pizza(turn: Turn) -> None:
    turn.begin(ordering)


@bot.button("order")
async def order_this(turn: Turn) -> None:
    turn.begin(ordering)


@bot.text("help", "talk to a person", "أريد موظفا", interrupts=True)
async def call_colleague(turn: Turn) -> None:
    turn.hand_off("wants a person", saying="One moment, a colleague will join us.")


@bot.text("receipt")
async def receipt(turn: Turn) -> None:
    turn.reply(Message("Here it is.", attachments=[File(data=RECEIPT, media_type="text/plain", name="receipt.txt")]))


@bot.text("menu")
async def menu(turn: Turn) -> None:
    order = [Button("Order it", "order")]
    turn.reply(
        Message(
            "Today's oven:",
            cards=[
                Card(
                    title="Margherita",
                    subtitle="Tomato, fior di latte, basil. 9.50",
                    buttons=[Button("Order it", "order")],
                ),
                Card(title="Marinara", subtitle="Tomato, garlic, oregano. 8.00", buttons=order),
            ],
        )
    )


@bot.fallback
async def repeat(turn: Turn) -> None:
    turn.reply(f"You said: {turn.text}")


QUICK = (1000, 0.001)
GREETING = Message(
    "Hello. I take your order, or fetch a colleague.", buttons=[Button("pizza"), Button("talk to a person")]
)
bot.attach(
    WebChat(
        bot_name="Crane Street Pizza",
        greeting=GREETING,
        keys={"k1": SECRET},
        bounds=Bounds(connects=QUICK, frames=QUICK, sends=QUICK, uploads=QUICK, visitors=QUICK),
    )
)

SHOP = """\
<!doctype html><html {html}><head><meta charset="utf-8"><title>Crane Street Pizza</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="inbox/static/icon.svg">
<link rel="stylesheet" href="shop.css"><script type="module" src="web/static/loader.js"></script>{head}</head>
<body><header><h1>{title}</h1><p>{told}</p></header>
<main><ul>{dishes}</ul></main><convokit-chat bot="Crane Street Pizza" base="web"></convokit-chat></body></html>
"""
STYLE = """\
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; background: light-dark(#FAF9F6, #131513); }
body { margin: 0 auto; max-inline-size: 60rem; padding: 40px 24px; color: light-dark(#23221F, #ECEBE6); }
h1 { font-size: 2rem; line-height: 1.2; margin: 0; } p { margin: 4px 0; color: light-dark(#5B564C, #B3B1A8); }
ul { list-style: none; padding: 0; display: grid; gap: 12px; margin-block: 32px; max-inline-size: 30rem; }
li { border: 1px solid light-dark(#E1DDD4, #353A36); border-radius: 8px; padding: 16px;
     background: light-dark(#FFF, #1A1D1B); }
h2 { font-size: 1.0625rem; margin: 0; }
"""
ENGLISH = (
    "Crane Street Pizza",
    "Wood-fired since 1987. Order in the chat at the corner.",
    (
        ("Margherita", "Tomato, fior di latte, basil. €9.50"),
        ("Marinara", "Tomato, garlic, oregano, olive oil. €8.00"),
        ("Quattro stagioni", "Ham, artichokes, mushrooms, olives. €12.50"),
    ),
)
ARABIC = (
    "بيتزا شارع كرين",
    "على نار الحطب منذ 1987. اطلبوا من المحادثة.",
    (("مارغريتا", "طماطم وجبن طازج وريحان"), ("مارينارا", "طماطم وثوم وزعتر وزيت زيتون")),
)
SIGNED = """\
import "./web/static/loader.js";
const chat = document.querySelector("convokit-chat");
chat.getToken = async () => (await fetch("test/token")).text();
chat.context = { cart: "2 pizzas" };
"""


def page(words: tuple[str, str, tuple[tuple[str, str], ...]], html: str, head: str = "") -> Response:
    title, told, dishes = words
    shown = "".join(f"<li><h2>{name}</h2><p>{what}</p></li>" for name, what in dishes)
    return Response(
        SHOP.format(html=html, title=title, told=told, dishes=shown, head=head),
        media_type="text/html",
        headers={"content-security-policy": POLICY},
    )


def shown(response: Callable[[], Response]) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        del request
        return response()

    return answer


def token() -> Response:
    """What the shop's own server gives to a customer who is signed in there."""
    return PlainTextResponse(
        customer_token(
            SECRET, "k1", bot="pizzeria", sub="48211", now=datetime.now(UTC), name="Ida Berg", email="ida@example.com"
        )
    )


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[Mapping[str, Any]]:
    async with bot.serve(SQLite(FOLDER / "pizzeria.db")) as engine:
        for operator in OPERATORS:
            if await account_of(engine.store, operator.id) is None:
                await add(engine.store, operator)

        async def link(request: Request) -> Response:
            made = await one_time_link(engine.store, request.path_params["operator"], engine.clock.now())
            return JSONResponse({"link": f"/inbox/signin/{made}"})

        app.router.routes.insert(0, Route("/test/link/{operator}", link))
        yield {"convokit": {bot.name: engine}}


app = Starlette(
    lifespan=lifespan,
    routes=[
        Route("/shop", shown(lambda: page(ENGLISH, 'lang="en"'))),
        Route("/shop-ar", shown(lambda: page(ARABIC, 'lang="ar" dir="rtl"'))),
        Route(
            "/shop-signed",
            shown(lambda: page(ENGLISH, 'lang="en"', '<script type="module" src="signed.js"></script>')),
        ),
        Route("/signed.js", shown(lambda: Response(SIGNED, media_type="text/javascript"))),
        Route("/shop.css", shown(lambda: Response(STYLE, media_type="text/css"))),
        Route("/test/token", shown(token)),
        Mount("/", bot.asgi()),
    ],
)

if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    uvicorn.run(app, host="127.0.0.1", port=PORT, log_config=None, access_log=False, ws_max_size=1 << 17)
