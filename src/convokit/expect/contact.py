"""Expectations of addresses: e-mail, telephone, web."""

import re
from typing import Any

from attrs import field, frozen

from convokit._value import Value
from convokit.errors import DefinitionError, MissingExtra
from convokit.events import ButtonPressed, ContactShared, Event
from convokit.expect.protocol import Situated, Unclear, written
from convokit.expect.sentences import sentence
from convokit.reading.situation import Situation

LONGEST_ADDRESS = 320
LONGEST_URL = 2048
_LONGEST_SENTENCE = 500

# Where most people's mail is: what is one letter away from one of these is a typing error more often than not.
_MAIL = (  # noqa: SIM905  a list of words
    "gmail.com googlemail.com yahoo.com yahoo.fr yahoo.es yahoo.de yahoo.co.uk yahoo.co.in hotmail.com hotmail.fr "
    "hotmail.es outlook.com "
    "live.com icloud.com aol.com gmx.de gmx.net web.de t-online.de orange.fr free.fr laposte.net wanadoo.fr proton.me "
    "protonmail.com yandex.com rediffmail.com walla.co.il msn.com me.com mail.com mail.ru"
).split()
_KNOWN = frozenset(_MAIL)
_SHORTEST = 7
"""Domains shorter than this are one letter away from too many others."""


def _has_package(module: str, what: str, extra: str) -> None:
    """Refuse a definition whose package is not installed, before a customer's first answer needs it.

    Raises:
        MissingExtra: It is not.
    """
    from importlib.util import find_spec  # noqa: PLC0415  only these expectations need it

    if find_spec(module) is None:
        raise MissingExtra(what, extra)


@frozen(eq=False, repr=False)
class Email(Value, Situated[str]):
    """An e-mail address, alone or in a sentence; the answer is its normal form, with the domain in small letters.

    Whether it exists is not looked up. A domain that is one letter away from a well-known one is asked back once:
    "ada@gmial.com" offers "ada@gmail.com" and itself.

    Needs the extra `email`.

    Raises:
        MissingExtra: The extra is not installed; where the expectation is written, not at the first answer.
    """

    def __attrs_post_init__(self) -> None:
        _has_package("email_validator", "Email", "email")

    def read_in(self, event: Event, situation: Situation) -> str | Unclear:
        """The address."""
        from email_validator import EmailNotValidError, validate_email  # noqa: PLC0415  an extra

        unread = Unclear("not one e-mail address", say=sentence("email", situation))
        found = _with_at(written(event))
        if found is None:
            return unread
        try:
            address = validate_email(found, check_deliverability=False).normalized
        except EmailNotValidError as problem:
            return Unclear(f"not an e-mail address: {problem}", say=unread.say)
        meant = _meant(address)
        # Asked once; whoever presses the button or writes it again means it.
        if meant is not None and not situation.unclear and not isinstance(event, ButtonPressed):
            return Unclear(f"perhaps {meant}", [meant, address], sentence("email_typo", situation, address=meant))
        return address


def _with_at(text: str) -> str | None:
    """The only word of a text that holds "@", without what people put around an address."""
    if len(text) > _LONGEST_SENTENCE or "@" not in text:
        return None
    found = [one for one in re.split(r"[\s,;]+", text) if "@" in one]
    if len(found) != 1:
        return None
    address = re.sub(r"^.*mailto:", "", found[0], flags=re.IGNORECASE).strip("<>()[]\"'.!?:")
    return address if 0 < len(address) <= LONGEST_ADDRESS else None


def _meant(address: str) -> str | None:
    local, _, domain = address.rpartition("@")
    if domain in _KNOWN or len(domain) < _SHORTEST:
        return None
    near = [one for one in _MAIL if len(one) >= _SHORTEST and _one_away(domain, one)]
    return f"{local}@{near[0]}" if len(near) == 1 else None


def _one_away(one: str, other: str) -> bool:
    """Whether one letter more, less or other, or two neighbours swapped, make one the other."""
    if abs(len(one) - len(other)) > 1:
        return False
    short, long = sorted((one, other), key=len)
    same = next((i for i, (a, b) in enumerate(zip(short, long, strict=False)) if a != b), len(short))
    if len(short) < len(long):
        return short[same:] == long[same + 1 :]
    swapped = short[same : same + 2] == long[same : same + 2][::-1] and short[same + 2 :] == long[same + 2 :]
    return swapped or short[same + 1 :] == long[same + 1 :]


_PHONE = re.compile(
    r"[+\uff0b]?[\d\s().\-/\u2010-\u2015\u00a0\u202f\u200e\u200f]{3,40}(?:\s*(?:x|ext\.?)\s*\d{1,6})?", re.IGNORECASE
)
_VANITY = re.compile(r"[+\d][\d\s\-]{2,12}[A-Za-z\-]{3,12}")


@frozen(eq=False, repr=False)
class Phone(Value, Situated[str]):
    """A telephone number, alone or in a sentence; the answer is its E.164 form: "+905321234567".

    A number without "+" belongs to `region`, or to the customer's own. A number that has the right length but is in no
    plan that we know is asked once more, and then taken: plans change. Their own number that a customer shares by the
    platform's button is taken as it is.

    Needs the extra `phone`.

    Args:
        region: The country whose numbers are written without "+": "TR"; empty: that of the customer's locale.

    Raises:
        MissingExtra: The extra is not installed; where the expectation is written, not at the first answer.
        DefinitionError: The region is unknown.
    """

    region: str = field(default="")

    def __attrs_post_init__(self) -> None:
        _has_package("phonenumbers", "Phone", "phone")
        from phonenumbers import SUPPORTED_REGIONS  # noqa: PLC0415  an extra; asked for here, it is loaded before the first answer

        if self.region and self.region not in SUPPORTED_REGIONS:
            raise DefinitionError(f'Phone: region is a country\'s code such as "TR", not {self.region!r:.60}')

    def read_in(self, event: Event, situation: Situation) -> str | Unclear:
        """The number."""
        import phonenumbers  # noqa: PLC0415  an extra

        region = self.region or situation.region
        if isinstance(event, ContactShared):
            if not event.own:
                return Unclear("a contact that is not their own", say=sentence("phone_own", situation))
            # Platforms write it with the country's code, with or without "+".
            tried = [_number_in(f"+{event.phone.lstrip('+')}", ""), _number_in(event.phone, region)]
        else:
            tried = [_number_in(written(event), region)]
        possible = [one for one in tried if one is not None and phonenumbers.is_possible_number(one)]
        number = next((one for one in possible if phonenumbers.is_valid_number(one)), next(iter(possible), None))
        if number is None:
            return Unclear("not one telephone number", say=sentence("phone" if region else "phone_country", situation))
        made: str = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
        sure = isinstance(event, ButtonPressed | ContactShared) or situation.unclear
        if sure or phonenumbers.is_valid_number(number):
            return made
        shown = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL)
        return Unclear("possible, but in no known plan", [shown], sentence("phone_check", situation, number=shown))


def _number_in(text: str, region: str) -> Any:
    """The only number in a text, None when there is none or several."""
    import phonenumbers  # noqa: PLC0415  an extra

    text = text.strip()
    if len(text) > _LONGEST_SENTENCE:
        return None
    if _PHONE.fullmatch(text) or _VANITY.fullmatch(text):
        try:
            return phonenumbers.parse(text, region or None)
        except phonenumbers.NumberParseException:
            return None
    found = {one.number.national_number: one.number for one in phonenumbers.PhoneNumberMatcher(text, region or None)}
    return next(iter(found.values())) if len(found) == 1 else None


_LINK = re.compile(r"https?://\S+", re.IGNORECASE)
_BARE = re.compile(r"(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.){1,6}[^\W\d_]{2,24}(?::\d{1,5})?(?:[/?#]\S*)?")
_AROUND = "<>()[]\"'.,;!"


@frozen(eq=False, repr=False)
class Url(Value, Situated[str]):
    """A web address, alone or in a sentence; "example.org" alone is taken for https. Only http and https.

    Addresses with a name and password in them are asked again. Nothing is fetched: whoever does that has to look at
    where the address leads.
    """

    def read_in(self, event: Event, situation: Situation) -> str | Unclear:
        """The address."""
        text = written(event)
        unread = Unclear("not one web address", say=sentence("url", situation))
        if not text or len(text) > LONGEST_URL:
            return unread
        found = [one.rstrip(_AROUND) for one in _LINK.findall(text)]
        if not found and _BARE.fullmatch(text.strip(_AROUND)):
            found = [f"https://{text.strip(_AROUND)}"]
        return found[0] if len(found) == 1 and _well_formed(found[0]) else unread


def _well_formed(url: str) -> bool:
    from urllib.parse import urlsplit  # noqa: PLC0415  only dialogs that ask for addresses load it

    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return False
    named = re.fullmatch(r"[^\s/?#@:%\\]{1,253}", host) is not None and "." in host.strip(".") and ".." not in host
    return named and parts.username is None and (port is None or port > 0)
