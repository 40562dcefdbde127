"""Forms: a dialog made from an attrs class, whose fields say what is asked."""

import inspect
from collections.abc import Awaitable, Callable, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any, Generic, TypeVar, get_type_hints

import attrs
from attrs import evolve, frozen

from convokit._value import Value
from convokit.dialogs.dialog import Dialog, snake
from convokit.dialogs.states import END, Ask, Business, State, Varying, check_said, where_of
from convokit.dialogs.words import VERBS
from convokit.errors import DefinitionError
from convokit.events import Event
from convokit.expect import Choice, Expectation, Unclear, accepted
from convokit.expect.protocol import written
from convokit.messages import Message
from convokit.reading.situation import Situation
from convokit.reading.writing import written_day, written_moment, written_time
from convokit.turn import Turn
from convokit.wire.codec import from_json, to_json

F = TypeVar("F")
T = TypeVar("T")

MARK = "convokit.form"
"""Under which name an attrs field's metadata holds what `ask` wrote."""

REVIEW, CHANGE = "review", "change"
"""The states behind the last question: fields cannot be called so."""

When = Callable[[Any], bool]


@frozen(kw_only=True, eq=False, repr=False)
class Asked(Value):
    """One field of a form, as a value: a channel's own forms can be made of it.

    Args:
        name: The attrs field's.
        ask: The question.
        expect: How the answer is read.
        label: What it is called in the review.
        also: Other words for it.
        when: Whether it is asked, by what is known so far; None: always.
        optional: Whether it may be left out.
        retry: What is said when an answer cannot be read.
        tries: How many unclear answers in a row are taken.
        show: How its value is written in the review.
        help: What is said to "help" there.
    """

    name: str = ""
    ask: Ask[Any]
    expect: Expectation[Any]
    label: str = ""
    also: tuple[str, ...] = ()
    when: When | None = None
    optional: bool = False
    retry: str | Message | None = None
    tries: int | None = None
    show: Callable[[Any], str] | None = None
    help: str | Message | None = None


def ask(
    question: Ask[Any],
    expect: Expectation[T],
    *,
    default: Any = attrs.NOTHING,
    label: str = "",
    also: Sequence[str] = (),
    when: When | None = None,
    skip: bool = False,
    retry: str | Message | None = None,
    tries: int | None = None,
    show: Callable[[T], str] | None = None,
    help: str | Message | None = None,  # noqa: A002  what customers say
) -> T:
    """Make a field of a form, and say what is asked for it.

    A form is a class with such fields: `guests: int = ask("For how many?", Integer(1, 8))`.

    Args:
        question: Text, a `Message`, or a function of turn and form.
        expect: How the answer is read; its type is the field's.
        default: The value when it is not asked, or skipped; needed with `when` and `skip`.
        label: What it is called in the review and in "change the …"; the field's name when left out.
        also: Other words for it.
        when: A function of the form so far (fields not known yet are None): whether to ask.
        skip: Whether the customer may leave it out.
        retry: What is said when the answer cannot be read, instead of the question.
        tries: How many unclear answers in a row are taken.
        show: How the value is written in the review.
        help: What is said to "help" there.

    Raises:
        DefinitionError: The field may be left out, and has no default.
    """
    if (skip or when is not None) and default is attrs.NOTHING:
        raise DefinitionError(f"ask({question!r:.40}): what may be left out needs a value for then: default=…")
    asked = Asked(
        ask=question,
        expect=expect,
        label=label,
        also=tuple(also),
        when=when,
        optional=skip,
        retry=retry,
        tries=tries,
        show=show,
        help=help,
    )
    made: T = attrs.field(default=default, kw_only=True, metadata={MARK: asked})
    return made


class Form(Dialog[Any], Generic[F]):
    """A dialog that fills an instance of an attrs class, field by field; then it is shown, and may be changed.

    What is known (begun with, found by `extract`) is not asked. Every verb of dialogs works in it.

    Args:
        filled: The attrs class, with at least one field that was made with `ask`.
        name: Its name in the store; the class's name in snake case when left out.
        version: As of a dialog.
        timeout: As of a dialog.
        reminders: As of a dialog.
        hours: As of a dialog.
        review: The question after all answers; True: "Is that right?", in the customer's language; False: none.
        right: The label that ends the form; "Yes" in the customer's language when left out.
        change: The label by which an answer is changed; "Change something" in their language when left out.
        help: As of a dialog.
        without: As of a dialog.
        beside: As of a dialog.

    Raises:
        DefinitionError: The class has no such field, or one that cannot be asked; the message names it.

    Attributes:
        fields: What is asked, in order.
    """

    def __init__(
        self,
        filled: type[F],
        *,
        name: str | None = None,
        version: int = 1,
        timeout: timedelta | None = None,
        reminders: Sequence[timedelta] = (),
        hours: Business | None = None,
        review: str | bool = True,
        right: str = "",
        change: str = "",
        help: str | Message | None = None,  # noqa: A002  what customers say
        without: Sequence[str] = (),
        beside: Dialog[Any] | None = None,
    ) -> None:
        self.filled = filled
        self.fields = _fields(filled)
        super().__init__(
            _draft(filled, self.fields),
            name=name or _named(filled),
            version=version,
            timeout=timeout,
            reminders=reminders,
            hours=hours,
            help=help,
            without=without,
            beside=beside,
        )
        self._review, self._right, self._change = review, right, change
        self._complete: Callable[[Turn, F], Awaitable[None]] | None = None
        self.hooks["on_end"] = self._completed
        self.asides = frozenset({REVIEW, CHANGE})
        self._write_states()

    # ── what is written beside it ───────────────────────────────────────────────────────────────────────────────────

    def on_complete(self, handler: Callable[[Turn, F], Awaitable[None]]) -> Callable[[Turn, F], Awaitable[None]]:
        """Call `async def handler(turn, filled)` with the whole instance when the customer has said that it is right.

        Raises:
            DefinitionError: It is no such function, or there is one already.
        """
        where = where_of(handler)
        if self._complete is not None:
            raise DefinitionError(f"{where}: form {self.name} has an on_complete already ({where_of(self._complete)})")
        if not inspect.iscoroutinefunction(handler):
            raise DefinitionError(f"{where}: form {self.name}: on_complete takes an async def")
        self._complete = handler
        return handler

    def draft(self, **known: Any) -> Any:
        """What to begin with when something is known: `turn.begin(booking, booking.draft(guests=4))`.

        A field that may be left out, given with its default, is left out.

        Raises:
            DefinitionError: There is no such field, or the value is not of its type or out of its question's bounds.
                Bounds that move with the time, and options that a function gives, are looked at when the form begins:
                what is out of them then is asked.
        """
        if unknown := sorted(set(known) - {one.name for one in self.fields}):
            fields = ", ".join(one.name for one in self.fields)
            raise DefinitionError(f"form {self.name} does not ask for {', '.join(unknown)}; it asks for {fields}")
        defaults = {one.name: one.default for one in attrs.fields(self.filled)}  # type: ignore[arg-type]  # F is checked above
        optional = [one.name for one in self.fields if one.optional and one.name in known]
        left_out = tuple(name for name in optional if known[name] == defaults[name])
        known = {name: value for name, value in known.items() if name not in left_out}
        try:
            made = from_json(self.memory, to_json(self.memory(left_out=left_out, **known)))
        except (TypeError, ValueError) as problem:
            raise DefinitionError(f"form {self.name} cannot begin with {known!r:.100}: {problem}") from problem
        for one in self.fields:
            if one.name in known and not isinstance(one.expect, Varying) and not _timely(one.expect):
                value = getattr(made, one.name)
                if value is not None and not accepted(one.expect, value, Situation()):
                    raise DefinitionError(
                        f"form {self.name} cannot begin with {one.name}={value!r:.60}: {one.expect!r:.100} does not "
                        "take it"
                    )
        return made

    # ── its states ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _write_states(self) -> None:
        names = [one.name for one in self.fields]
        after = [REVIEW] if self._review else [END]
        for one in self.fields:
            self.state(
                ask=one.ask,
                to=[*names, *after],
                expect=one.expect,
                retry=one.retry,
                tries=one.tries,
                label=one.label,
                also=one.also,
                help=one.help,
                skip=after[0] if one.optional else False,
            )(self._answering(one))
        if not self._review:
            return

        async def review(turn: Turn, _: Any, answer: str) -> str:
            return END if answer == self._labels(turn)[0] else CHANGE

        async def change(_: Turn, __: Any, answer: str) -> str:
            return next(one.name for one in self.fields if one.label == answer)

        quiet = [one for one in VERBS if one not in {"back", "cancel", "start_over", "person"}]
        right = _Right(lambda turn, _: self._labels(turn))
        self.state(ask=self._shown, expect=right, to=[END, CHANGE])(review)
        self.state(
            ask=lambda turn, _: turn.sentence("change_what"),
            choices=lambda _, draft: [one.label for one in self._known(draft)],
            to=names,
            without=quiet,
        )(change)

    def told(self, turn: Turn, memory: Any, state: str) -> list[str] | None:
        """What is known, a line each; at the review nothing, since its question says it."""
        return [] if state == REVIEW else self._lines(turn, memory)

    def _lines(self, turn: Turn, draft: Any) -> list[str]:
        return [f"{one.label}: {self._value(turn, one, getattr(draft, one.name))}" for one in self._known(draft)]

    def _labels(self, turn: Turn) -> list[str]:
        return [self._right or turn.sentence("right"), self._change or turn.sentence("change_something")]

    def _answering(self, one: Asked) -> Any:
        async def handler(_: Turn, draft: Any, answer: Any) -> str:
            setattr(draft, one.name, answer)
            draft.left_out = tuple(name for name in draft.left_out if name != one.name)
            return self.goes_on(draft)

        handler.__name__ = one.name
        return handler

    def reopens(self, state: str) -> bool:
        """What the customer chose to change is asked again, if it was known from the start, too."""
        return state == CHANGE

    def skips(self, state: State[Any], memory: Any) -> str:
        """Leave a field out, and go on."""
        memory.left_out = (*memory.left_out, state.name)
        setattr(memory, state.name, None)
        return self.goes_on(memory)

    def goes_on(self, draft: Any) -> str:
        """The next question, by what is known; what is not to be asked any more is forgotten."""
        goal = ""
        for one in self.fields:
            if one.when is not None and not one.when(draft):
                setattr(draft, one.name, None)
            elif getattr(draft, one.name) is None and one.name not in draft.left_out and not goal:
                goal = one.name
        return goal or (REVIEW if self._review else END)

    def holds(self, state: str, known: object) -> bool:
        """Whether a field's answer still counts: what is not to be asked any more is forgotten."""
        del state
        return known is not None

    def known(self, memory: Any) -> tuple[str, ...]:
        """The fields that a draft holds already."""
        return tuple(one.name for one in self._known(memory))

    def _known(self, draft: Any) -> list[Asked]:
        return [one for one in self.fields if getattr(draft, one.name) is not None]

    def _shown(self, turn: Turn, draft: Any) -> str:
        lines = self._lines(turn, draft)
        question = self._review if isinstance(self._review, str) else turn.sentence("review")
        return "\n".join((*lines, question))

    def _value(self, turn: Turn, one: Asked, value: Any) -> str:
        return one.show(value) if one.show is not None else shown(value, turn.situation)

    async def _completed(self, turn: Turn, draft: Any) -> None:
        if self._complete is not None:
            await self._complete(turn, self.gives(draft))

    def gives(self, memory: Any) -> F:
        """The filled instance: what was skipped or not asked has its default."""
        return self.filled(**{one.name: getattr(memory, one.name) for one in self._known(memory)})


class _Right(Varying):
    """The two labels of a review, and yes and no in whatever language."""

    def now(self, turn: Turn, memory: Any) -> Choice:
        """What it expects in this turn."""
        return _YesOrChange(tuple(self.choices(turn, memory)))


class _YesOrChange(Choice):
    """The first of two labels, which "yes" means too, or the second, which "no" means."""

    def read_in(self, event: Event, situation: Situation) -> str | Unclear:
        """The label."""
        from convokit.reading.consent import consent  # noqa: PLC0415  only who reviews a form loads it

        answer = super().read_in(event, situation)
        right = consent(written(event), situation) if isinstance(answer, Unclear) else None
        return answer if right is None else self.options[0 if right else 1]


def _timely(expect: object) -> bool:
    """Whether its bounds move with the time."""
    return any(isinstance(getattr(expect, name, None), timedelta) for name in ("earliest", "latest"))


def shown(value: Any, situation: Situation) -> str:
    """A value as the customer reads it, in their language."""
    match value:
        case datetime():
            return written_moment(value, situation)
        case date():
            return written_day(value, situation)
        case time():
            return written_time(value, situation)
        case tuple() | list():
            return ", ".join(shown(one, situation) for one in value)
        case bool():
            return "✓" if value else "✗"
        case _:
            return str(value)


def _named(filled: type[Any]) -> str:
    return snake(filled.__name__)


def _fields(filled: type[Any]) -> tuple[Asked, ...]:
    given: object = filled
    if not (isinstance(given, type) and attrs.has(given)):
        raise DefinitionError(f"a form is made from an attrs class (@define class Booking: …), not {filled!r}")
    found = []
    for one in attrs.fields(filled):
        asked = one.metadata.get(MARK)
        if asked is None:
            if one.default is attrs.NOTHING and one.init:
                raise DefinitionError(
                    f"form {filled.__name__}: {one.name} is not asked, and has no default: use ask(…)"
                )
            continue
        if one.name in {REVIEW, CHANGE, "left_out", END}:
            raise DefinitionError(f"form {filled.__name__}: a field cannot be called {one.name}: call it otherwise")
        check_said(f"form {filled.__name__}: {one.name}", asked.ask)
        found.append(evolve(asked, name=one.name, label=asked.label or one.name.replace("_", " ")))
    if not found:
        raise DefinitionError(
            f"form {filled.__name__}: no field is asked: write guests: int = ask('How many?', Integer())"
        )
    return tuple(found)


def _draft(filled: type[Any], fields: Sequence[Asked]) -> type[Any]:
    """The class of a form that is not filled yet: every field may be None."""
    hints = get_type_hints(filled)
    made: dict[str, Any] = {one.name: attrs.field(default=None, type=hints[one.name] | None) for one in fields}
    made["left_out"] = attrs.field(default=(), type=tuple[str, ...])
    return attrs.make_class(f"{filled.__name__}Draft", made, slots=True)
