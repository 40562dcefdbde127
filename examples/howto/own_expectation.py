"""An expectation of one's own: the number of a parcel, which says in which language it was not understood."""

# --8<-- [start:parcel]
from attrs import define

from convokit import END, Bot, Event, Situated, Situation, Turn, Unclear


class Parcel(Situated[int]):
    """The number of a parcel: "P-12345678", its last figure being the sum of the others modulo ten."""

    def read_in(self, event: Event, situation: Situation) -> int | Unclear:
        number = event.text.strip().upper().removeprefix("P").lstrip("- ")
        fine = len(number) == 8 and number.isdecimal() and sum(map(int, number[:-1])) % 10 == int(number[-1])
        if fine:
            return int(number)
        german = situation.language == "de"
        return Unclear("no parcel", say="So eine Nummer gibt es nicht." if german else "There is no such number.")


# --8<-- [end:parcel]

bot = Bot("parcels", sentences={"nl": {"integer": "Een heel getal, alsjeblieft."}})


@define
class Track:
    number: int = 0


tracking = bot.dialog(Track)


@tracking.state(ask="Which parcel?", expect=Parcel(), to=[END])
async def parcel(turn: Turn, track: Track, answer: int) -> None:
    turn.reply(f"Parcel {answer} is on its way.")


@bot.text("track")
async def track_it(turn: Turn) -> None:
    turn.begin(tracking)
