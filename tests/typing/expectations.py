"""What a type checker must see of expectations: each has the type of its answers.

Every `type: ignore` here is a mistake that must be found: mypy tells when one is not needed.
"""

import datetime as dt
import decimal
from typing import assert_type

from attrs import define

from convokit import (
    END,
    Amount,
    Attachment,
    Bot,
    Choice,
    Choices,
    Date,
    DateTime,
    Decimal,
    Document,
    Duration,
    Either,
    Email,
    Event,
    Expectation,
    Image,
    Integer,
    Location,
    Money,
    Person,
    Phone,
    Photo,
    Place,
    Regex,
    Situated,
    Situation,
    Text,
    Time,
    Turn,
    Unclear,
    Url,
    YesNo,
)
from convokit.expect import understood


@define
class Trip:
    day: dt.date | None = None


words: list[Expectation[str]] = [Text(), Choice(["a"]), Email(), Phone(), Url(), Person(), Regex("a")]
several: Expectation[tuple[str, ...]] = Choices(["a", "b"])
whole: Expectation[int] = Integer()
exact: Expectation[decimal.Decimal] = Decimal()
money: Expectation[Amount] = Money("EUR")
sure: Expectation[bool] = YesNo()
day: Expectation[dt.date] = Date()
at: Expectation[dt.time] = Time()
moment: Expectation[dt.datetime] = DateTime()
length: Expectation[dt.timedelta] = Duration()
photo: Expectation[Image] = Photo()
document: Expectation[Attachment] = Document()
place: Expectation[Location] = Place()
groups: Expectation[dict[str, str]] = Regex("(?P<a>a)").groups
either: Expectation[Location | str] = Either(Place(), Text())
three: Expectation[int | bool | dt.date] = Either(Integer(), YesNo(), Date())
four: Expectation[int | str | dt.date | dt.time] = Either(Integer(), Date(), Time(), Text())


class Colour(Situated[bytes]):
    """An expectation of one's own that knows the customer's language."""

    def read_in(self, event: Event, situation: Situation) -> bytes | Unclear:
        return event.text.encode() if situation.language == "en" else Unclear("not in English")


def read(event: Event, situation: Situation) -> None:
    assert_type(understood(Date(), event, situation), dt.date | Unclear)
    assert_type(understood(Colour(), event, situation), bytes | Unclear)
    assert_type(Either(Place(), Text()).read(event), Location | str | Unclear)


bot = Bot("trips", locale="tr-TR", zone="Europe/Istanbul")
travel = bot.dialog(Trip)


@travel.state(ask="?", expect=Date(), to=["when"])
async def start(turn: Turn, trip: Trip, answer: dt.date) -> None:
    assert_type(turn.situation, Situation)
    trip.day = answer


@travel.state(ask="?", expect=DateTime(), to=["toppings"])
async def when(turn: Turn, trip: Trip, answer: dt.datetime) -> None: ...


@travel.state(ask="?", expect=Choices(["a", "b"]), to=["pay"])
async def toppings(turn: Turn, trip: Trip, answer: tuple[str, ...]) -> None: ...


@travel.state(ask="?", expect=Money("EUR"), to=["where"])
async def pay(turn: Turn, trip: Trip, answer: Amount) -> None: ...


@travel.state(ask="?", expect=Either(Place(), Text()), to=["colour"])
async def where(turn: Turn, trip: Trip, answer: Location | str) -> None: ...


@travel.state(ask="?", expect=Colour(), to=[END])
async def colour(turn: Turn, trip: Trip, answer: bytes) -> None: ...


# ── mistakes ────────────────────────────────────────────────────────────────────────────────────────────────────────

wrong: Expectation[dt.datetime] = Date()  # type: ignore[assignment]  # must be found
mixed: Expectation[str] = Either(Place(), Text())  # type: ignore[arg-type]  # must be found


@travel.state(ask="?", expect=Date(), to=[END])  # type: ignore[arg-type]  # must be found
async def day_as_text(turn: Turn, trip: Trip, answer: str) -> None: ...


@travel.state(ask="?", expect=Choices(["a"]), to=[END])  # type: ignore[arg-type]  # must be found
async def several_as_one(turn: Turn, trip: Trip, answer: str) -> None: ...


@travel.state(ask="?", expect=Either(Place(), Text()), to=[END])  # type: ignore[arg-type]  # must be found
async def half_of_it(turn: Turn, trip: Trip, answer: str) -> None: ...


@travel.state(ask="?", expect=Decimal(), to=[END])  # type: ignore[arg-type]  # must be found
async def exact_as_float(turn: Turn, trip: Trip, answer: float) -> None: ...
