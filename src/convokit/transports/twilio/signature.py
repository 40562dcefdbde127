"""Twilio's webhook calls: their proof, and what they carry. Pure.

Facts: Twilio, Webhooks security (read July 2026); the package twilio 9.13 accepts what `sign` makes and the reverse.
"""

import hashlib
import hmac
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import SplitResult, parse_qsl, urlsplit

from attrs import field, frozen

from convokit.abc import Request
from convokit.wire.signing import same
from convokit.wire.text import scrub

HEADER = "x-twilio-signature"
MOST_FIELDS = 500
BODY_HASH = "bodySHA256"
"""In the address of a call whose body is no form: the SHA-256 of the body in hex, which the signature covers so."""
_PORTS = {"https": 443, "http": 80}
_PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/")

Pairs = tuple[tuple[str, str], ...]


@frozen
class Form:
    """What a call carries, as it was signed. Of a repeated name the first counts; values are scrubbed.

    Args:
        pairs: Names and values as sent, in order.
    """

    pairs: Pairs = field(repr=False)
    _first: Mapping[str, str] = field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        first: dict[str, str] = {}
        for name, value in self.pairs:
            first.setdefault(scrub(name), scrub(value))
        object.__setattr__(self, "_first", first)

    def get(self, name: str) -> str:
        """The value under a name; empty where there is none."""
        return self._first.get(name, "")

    def __contains__(self, name: str) -> bool:
        return name in self._first

    def __iter__(self) -> Iterator[str]:
        return iter(self._first)

    def __len__(self) -> int:
        return len(self._first)

    def as_json(self) -> dict[str, str]:
        """Everything it carries."""
        return dict(self._first)


def read_form(request: Request, address: str, token: bytes) -> Form | None:
    """What a call carries, once its proof is found good; None when it is not.

    The list that is read is the very list that was signed. A call whose body is no form carries nothing here: its body
    is as it was signed.

    Args:
        request: The call.
        address: The transport's own address as the platform knows it (`Account.address`): the Host header and what
            proxies add say nothing.
        token: The account's auth token.
    """
    pairs, hashed = _carried(request)
    if pairs is None or not token or not _PLAIN.issuperset(request.path):
        return None
    if hashed is not None and not same(hashed, hashlib.sha256(request.body).hexdigest().encode()):
        return None
    given = request.headers.get(HEADER, b"")
    rest = request.path + (f"?{request.query}" if request.query else "")
    signed = pairs if request.method == "POST" and hashed is None else ()
    # All are computed and compared: how long it takes tells nothing of which one fits.
    good = [same(sign(token, one + rest, signed), given) for one in _with_and_without_port(address)]
    return Form(pairs if hashed is None else ()) if any(good) else None


def sign(token: bytes, url: str, pairs: Iterable[tuple[str, str]] = ()) -> bytes:
    """The signature of a call to `url` with these form fields, as the platform puts it into its header.

    Names are sorted, the values of a repeated name are sorted and taken once each, and nothing stands between them.
    """
    mac = hmac.new(token, url.encode("utf-8", "surrogatepass"), hashlib.sha1)
    for name, value in sorted(set(pairs)):
        mac.update((name + value).encode("utf-8", "surrogatepass"))
    return b64encode(mac.digest())


def _carried(request: Request) -> tuple[Pairs | None, bytes | None]:
    """The form's fields, None when they cannot be read; and the hash of a body that is no form, if it has one."""
    query = _parsed(request.query)
    if query is None:
        return None, None
    hashes = [value for name, value in query if name == BODY_HASH]
    if hashes:
        return query, hashes[0].encode("utf-8", "surrogatepass")
    if request.method == "GET":
        return query, None
    try:
        return _parsed(request.body.decode("ascii")), None
    except UnicodeDecodeError:
        return None, None


def _parsed(text: str) -> Pairs | None:
    try:
        return tuple(parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_FIELDS, separator="&"))
    except ValueError:
        return None


def _with_and_without_port(address: str) -> Iterator[str]:
    """The address without and with a port: the platform signs either."""
    parts = urlsplit(address)
    host = parts.netloc.removesuffix(f":{parts.port}") if parts.port else parts.netloc
    yield _at(parts, host)
    yield _at(parts, f"{host}:{parts.port or _PORTS.get(parts.scheme, 443)}")


def _at(parts: SplitResult, host: str) -> str:
    return parts._replace(netloc=host).geturl()
