"""The customers there are: each answers sensibly most of the time, and has one habit that bots suffer from."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from random import Random

from attrs import evolve, frozen

from convokit._value import Value
from convokit.dialogs.words import Vocabulary
from convokit.testing.personas.acts import Act
from convokit.testing.personas.answering import Sight, sensible

LANGUAGES = ("en", "tr", "hi", "he", "ar", "es", "de", "fr")
_WORDS = Vocabulary()
_LETTERS = "abcdefghijklmnopqrstuvwxyz "
_PASTED = 5000

Habit = Callable[[Sight, Random], Sequence[Act]]


@frozen(kw_only=True, eq=False)
class Persona(Value):
    """A kind of customer.

    Args:
        name: For the report.
        habit: What they do now and then: a function of what they see and a `random.Random`, to one act or more.
        share: How often, from 0 to 1; else they answer sensibly.
    """

    name: str
    habit: Habit
    share: float = 0.35

    def acts(self, sees: Sight, chance: Random) -> Sequence[Act]:
        """What they do next."""
        return self.habit(sees, chance) if chance.random() < self.share else (sensible(sees, chance),)


def verb(name: str, sees: Sight) -> Act:
    """To say one of the words that any dialog understands, in one's own language."""
    return sees.says(_WORDS.phrase(name, (sees.locale.partition("-")[0],)))


def _twice(sees: Sight, chance: Random) -> Sequence[Act]:
    return (evolve(sensible(sees, chance), times=2),)


def _mistypes(sees: Sight, chance: Random) -> Sequence[Act]:
    act = sensible(sees, chance)
    letters = list(act.text)
    for _ in range(chance.randint(1, 3)):
        place = chance.randrange(len(letters) + 1)
        letters[place : place + chance.randint(0, 1)] = chance.choice(_LETTERS)
    return (sees.says("".join(letters).strip() or "?"),)


def _waits(sees: Sight, chance: Random) -> Sequence[Act]:
    span = chance.choice((timedelta(days=3), timedelta(days=3), timedelta(hours=1), timedelta(days=40)))
    return (Act(kind="waits", span=span), sensible(sees, chance))


def _other_language(sees: Sight, chance: Random) -> Sequence[Act]:
    locale = chance.choice(LANGUAGES)
    said = verb(chance.choice(("back", "repeat", "help", "summary")), evolve(sees, locale=locale))
    return (Act(kind="speaks", who=sees.who, text=locale), said)


def _digresses(sees: Sight, chance: Random) -> Sequence[Act]:
    aside = ("what are your opening hours?", "/start", "do you have parking", "😀", "1", "yes", "thank you")
    return (sees.says(chance.choice((*sees.openings, *sees.openings, *aside))),)


def _wants_a_person(sees: Sight, _: Random) -> Sequence[Act]:
    return (verb("person", sees),)


def _sends_pictures(sees: Sight, chance: Random) -> Sequence[Act]:
    return (Act(kind=chance.choice(("sends", "sends", "shares")), who=sees.who),)


def _pastes(sees: Sight, chance: Random) -> Sequence[Act]:
    words = chance.choice((f"{sees.name} ", "9", "a" * 80 + " ", "\n", "é́"))
    return (sees.says((words * _PASTED)[:_PASTED] + "."),)


def _changes_answers(sees: Sight, chance: Random) -> Sequence[Act]:
    said = verb(chance.choice(("back", "back", "change", "start_over", "summary", "skip", "cancel")), sees)
    return (said, sensible(sees, chance))


def _presses_old(sees: Sight, chance: Random) -> Sequence[Act]:
    return (sees.presses(chance.choice(sees.old), old=True),) if sees.old else (sensible(sees, chance),)


def _gets_on(sees: Sight, chance: Random) -> Sequence[Act]:
    return (sensible(sees, chance),)


EVERYBODY: tuple[Persona, ...] = (
    Persona(name="gets on with it", habit=_gets_on),
    Persona(name="taps twice", habit=_twice),
    Persona(name="mistypes", habit=_mistypes),
    Persona(name="is silent for days", habit=_waits),
    Persona(name="changes language", habit=_other_language),
    Persona(name="digresses", habit=_digresses),
    Persona(name="asks for a person", habit=_wants_a_person, share=0.2),
    Persona(name="sends pictures", habit=_sends_pictures),
    Persona(name="pastes 5,000 characters", habit=_pastes),
    Persona(name="changes answers", habit=_changes_answers),
    Persona(name="presses old buttons", habit=_presses_old),
)
"""The personas that come with convokit."""
