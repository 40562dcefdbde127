"""Who calls: the handshake of a webhook that is being entered, and the signature of every later call. Pure.

Facts: Meta, Webhooks, getting started; Meta Webhooks for Messenger Platform (read May 2026). The signature is over the
bytes as they came: Meta escapes what is not ASCII, so a body written anew has another one.
"""

import re
from urllib.parse import parse_qsl

from attrs import frozen

from convokit.abc import Received, Request
from convokit.errors import DefinitionError, Forged
from convokit.wire.signing import Secret, hmac_sha256, same

SIGNATURE = "x-hub-signature-256"
SHORTEST_SECRET = 16
METHODS = frozenset({"GET", "POST"})
"""The HTTP methods that such a webhook takes."""

_CHALLENGE = re.compile(r"[\w-]{1,256}", re.ASCII)
_VERSION = re.compile(r"v[0-9]{1,3}\.[0-9]{1,2}", re.ASCII)


@frozen(kw_only=True)
class Door:
    """Lets in what Meta sends for one app.

    Args:
        channel: What errors name.
        app_secrets: The secrets with which calls may be signed; those that are not set sign nothing.
        verify_token: The word that the handshake must repeat.
    """

    channel: str
    app_secrets: tuple[Secret, ...]
    verify_token: Secret

    def enter(self, request: Request) -> Received | None:
        """What to answer to the handshake; None when it is a signed call, whose body may be read.

        Raises:
            Forged: It is neither.
        """
        if request.method == "GET":
            return self._handshake(request.query)
        if not self._signed(request):
            raise Forged(self.channel)
        return None

    def check(self) -> None:
        """Look at the app secrets that are set; `check_set` tells of those that are not.

        Raises:
            DefinitionError: One is too short to be one.
        """
        for secret in filter(None, self.app_secrets):
            if len(secret.reveal().encode()) < SHORTEST_SECRET:
                raise DefinitionError(
                    f"{self.channel}: {secret.name} is shorter than {SHORTEST_SECRET} bytes, so it is not the "
                    "secret that the app's dashboard shows: with a guessable one anybody can speak as a customer"
                )

    def _signed(self, request: Request) -> bool:
        """Whether the SHA-256 signature is the app's, over the bytes as they came. The older SHA-1 one is not read."""
        given, good = request.headers.get(SIGNATURE, b""), False
        for secret in filter(None, self.app_secrets):
            expected = b"sha256=" + hmac_sha256(secret.reveal().encode(), request.body).hex().encode()
            good = same(expected, given) or good
        return good

    def _handshake(self, query: str) -> Received:
        try:
            given = dict(parse_qsl(query, keep_blank_values=True, max_num_fields=50, separator="&"))
        except ValueError:
            raise Forged(self.channel) from None
        challenge, word = given.get("hub.challenge", ""), given.get("hub.verify_token", "")
        known = bool(self.verify_token) and same(
            word.encode("utf-8", "surrogatepass"), self.verify_token.reveal().encode()
        )
        if not known or given.get("hub.mode") != "subscribe" or not _CHALLENGE.fullmatch(challenge):
            raise Forged(self.channel)
        return Received(body=challenge.encode())


def secret(value: str | Secret, name: str) -> Secret:
    """A setting that is a secret, under its name in error messages.

    Raises:
        DefinitionError: It is empty.
    """
    return value if isinstance(value, Secret) else Secret(value, name)


def check_set(channel: str, *wanted: tuple[Secret, str]) -> None:
    """Look whether every secret is set; beside each stands where it comes from.

    Raises:
        DefinitionError: One is not.
    """
    for one, where in wanted:
        if not one:
            raise DefinitionError(f"{channel}: {one.name} is not set; it comes from {where}")


def check_version(channel: str, version: str) -> None:
    """Look at a Graph API version, such as "v25.0".

    Raises:
        DefinitionError: It is none.
    """
    if not _VERSION.fullmatch(version):
        raise DefinitionError(f'{channel}: api_version reads like "v25.0", not {version!r:.60}')
