"""Who writes, where and when: what the words "tomorrow at five" need in order to mean something."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, tzinfo
from functools import lru_cache

from attrs import field, frozen

from convokit._value import Value
from convokit.errors import DefinitionError

CODES = ("en", "tr", "hi", "he", "ar", "es", "de", "fr")
"""The languages whose words are read, and in which we speak."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_LOCALE = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8})*")

# Where a language is mostly written the way of one country, that country stands for it. English has none: "03/04" is
# 4 March in the United States and 3 April in Britain.
_HOMES = {"tr": "TR", "hi": "IN", "he": "IL", "iw": "IL", "es": "ES", "de": "DE", "fr": "FR", "it": "IT", "nl": "NL"}
_TWELVE_HOURS = frozenset({"hi", "ar"})
_BY_24_HOURS = frozenset({"GB", "IE", "ZA", "ES", "AR", "CL", "UY", "PY", "CU"})
_OLD_CODES = {"iw": "he", "in": "id", "ji": "yi"}


def checked_locale(what: str, locale: object) -> str:
    """The locale, known to have the form of BCP 47; empty stays empty.

    Raises:
        DefinitionError: It has another form.
    """
    if not isinstance(locale, str) or (locale and not _LOCALE.fullmatch(locale)):
        raise DefinitionError(f'{what}: locale is a BCP 47 tag such as "tr" or "en-GB", not {locale!r:.60}')
    return locale


@lru_cache(maxsize=64)
def zone_named(name: str) -> tzinfo:
    """The time zone of an IANA name such as "Europe/Istanbul".

    Raises:
        DefinitionError: This machine knows no such zone.
    """
    if name == "UTC":
        return UTC
    from zoneinfo import ZoneInfo  # noqa: PLC0415  only who leaves UTC pays for it

    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as problem:
        raise DefinitionError(
            f'{name!r:.60} is no time zone that this machine knows: write one such as "Europe/Istanbul"; '
            "where the system has no zones, install the package tzdata"
        ) from problem


@frozen(kw_only=True, eq=False, repr=False)
class Situation(Value):
    """Who writes, where and when. Expectations read by it.

    Args:
        locale: BCP 47 of the person, or the bot's default: its language and region ("en-GB"). Empty: unknown.
        zone: The IANA name of the time zone in which "tomorrow" and "at five" are meant.
        now: The moment, with its zone.
        unclear: How many answers to this question could not be read before this one.
        sentences: One's own sentences by language and name, in place of the built-in ones.
    """

    locale: str = ""
    zone: str = "UTC"
    now: datetime = field(default=EPOCH)
    unclear: int = 0
    sentences: Mapping[str, Mapping[str, str]] = field(factory=dict)

    @property
    def language(self) -> str:
        """The language's code in small letters, such as "tr"; empty when it is unknown."""
        code = re.split(r"[-_]", self.locale, maxsplit=1)[0].lower()
        return _OLD_CODES.get(code, code)

    @property
    def region(self) -> str:
        """The country's code, such as "GB"; the language's home when the locale names none; else empty."""
        for part in re.split(r"[-_]", self.locale)[1:]:
            if len(part) == 2 and part.isalpha():  # noqa: PLR2004  a country has two letters, a script has four
                return part.upper()
        return _HOMES.get(self.language, "")

    @property
    def by_24_hours(self) -> bool:
        """Whether "10:00" is in the morning there, the evening being "22:00"; elsewhere it may be either."""
        if self.language in _TWELVE_HOURS:
            return False
        if self.language in {"en", "es", ""}:
            return self.region in _BY_24_HOURS
        return True

    @property
    def tz(self) -> tzinfo:
        """The time zone; UTC when this machine does not know it."""
        try:
            return zone_named(self.zone)
        except DefinitionError:
            return UTC

    @property
    def local(self) -> datetime:
        """`now` on the wall clock of the zone."""
        return self.now.astimezone(self.tz)

    @property
    def today(self) -> date:
        """The day it is in the zone."""
        return self.local.date()
