"""A shop on WhatsApp: replies within the day, templates after it, places by WhatsApp's own button."""

from convokit import (
    Bot,
    Button,
    ConversationId,
    Engine,
    LocationShared,
    Message,
    OutsideWindow,
    Parameter,
    SignalReceived,
    Template,
    TemplateButton,
    Turn,
)
from convokit.transports import WhatsApp
from convokit.transports.whatsapp import ASK_LOCATION

bot = Bot("parcels")

# --8<-- [start:attach]
bot.attach(WhatsApp.from_env(number="+442079460018"))
# --8<-- [end:attach]


# --8<-- [start:place]
@bot.text("deliver")
async def where(turn: Turn) -> None:
    turn.reply("Where shall we bring it?", buttons=[Button("Send my location", ASK_LOCATION)])


@bot.location
async def there(turn: Turn) -> None:
    if isinstance(turn.event, LocationShared):
        turn.reply(f"We are on our way to {turn.event.title or 'you'}.")


# --8<-- [end:place]


# --8<-- [start:template]
def shipped(name: str, parcel: str, euros: int) -> Message:
    return Message(
        f"Parcel {parcel} is on its way, {name}.",  # what channels without templates say
        template=Template(
            "parcel_sent",
            "en",
            body=[name, parcel, Parameter(f"{euros} €", currency="EUR", thousandths=euros * 1000)],
            buttons=[TemplateButton(0, "quick_reply", f"track:{parcel}")],
        ),
    )


async def tell(engine: Engine, customer: ConversationId, name: str, parcel: str, euros: int) -> None:
    try:
        await engine.send(customer, f"Parcel {parcel} is on its way, {name}.")
    except OutsideWindow:
        await engine.send(customer, shipped(name, parcel, euros))


# --8<-- [end:template]


@bot.button("track:{parcel}")
async def track(turn: Turn) -> None:
    turn.reply(f"Parcel {turn.params['parcel']} arrives tomorrow.")


# --8<-- [start:order]
@bot.signal("whatsapp.order")
async def ordered(turn: Turn) -> None:
    if isinstance(turn.event, SignalReceived):
        items = turn.event.data["product_items"]
        turn.reply(f"Thank you! {len(items)} things are being packed.")


# --8<-- [end:order]
