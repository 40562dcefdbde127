"""What Messenger, Instagram and WhatsApp share: refusals, the door, files."""

from collections.abc import Mapping
from typing import Any

import pytest

from convokit.errors import DefinitionError, OutsideWindow, RateLimited, Rejected, TransportError, Unreachable
from convokit.messages import Image
from convokit.transports.meta import door, files
from convokit.transports.meta.errors import Codes
from convokit.transports.meta.graph import Graph
from convokit.wire.http import Answer
from convokit.wire.lenient import read_json
from convokit.wire.signing import Secret

TOKEN = Secret("token-canary-0123", "TOKEN")
CODES = Codes(
    advice={(7, 1): "the first", (7, None): "any", (8, None): "eight"},
    window=frozenset({(470, None), (10, 99)}),
    too_many_here=frozenset({131056}),
    never_sent=frozenset({131000}),
)


def failure(body: str, status: int = 400, headers: Mapping[str, str] | None = None) -> TransportError | None:
    return CODES.failure("meta", Answer(status, headers or {}, body.encode()), TOKEN)


def test_a_success_is_no_failure() -> None:
    assert failure('{"message_id": "m"}', 200) is None
    assert failure("", 204) is None


def test_advice_is_that_of_the_subcode_and_else_that_of_the_code() -> None:
    for subcode, advice in (("1", "the first"), ("2", "any"), ("null", "any")):
        found = failure(f'{{"error": {{"code": 7, "error_subcode": {subcode}}}}}')
        assert found is not None
        assert found.reason.startswith(f"{advice}: error 7")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"code": 470, "error_subcode": 5}, OutsideWindow),
        ({"code": 10, "error_subcode": 99}, OutsideWindow),
        ({"code": 10, "error_subcode": 98}, Rejected),
        ({"code": "131056"}, RateLimited),
        ({"code": 131000}, Unreachable),
        ({"code": 555}, Rejected),
    ],
)
def test_the_code_decides_what_is_tried_again(error: dict[str, Any], kind: type[TransportError]) -> None:
    told = repr({"error": error}).replace("'", '"')
    assert type(failure(told)) is kind


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [(555, 500, Unreachable), (555, 503, Unreachable), (555, 429, RateLimited), (8, 500, Rejected), (7, 429, Rejected)],
)
def test_a_code_that_nobody_knows_is_judged_by_the_status(code: int, status: int, kind: type[TransportError]) -> None:
    found = failure(f'{{"error": {{"code": {code}, "message": "no idea"}}}}', status)
    assert type(found) is kind
    assert "no idea" in str(found)


def test_a_pause_may_be_of_one_conversation_only() -> None:
    here, everywhere = failure('{"error": {"code": 131056}}'), failure('{"error": {"code": 4}}')
    assert isinstance(here, RateLimited)
    assert isinstance(everywhere, RateLimited)
    assert (here.everywhere, everywhere.everywhere) == (False, True)


def test_what_certainly_was_not_sent_is_told_apart() -> None:
    never, perhaps = failure('{"error": {"code": 131000}}'), failure('{"error": {"code": 2}}')
    assert isinstance(never, Unreachable)
    assert isinstance(perhaps, Unreachable)
    assert (never.maybe_sent, perhaps.maybe_sent) == (False, True)


def test_the_details_beside_the_words_are_told_and_the_token_is_masked_in_both() -> None:
    found = failure(
        '{"error": {"code": 8, "message": "Bad token-canary-0123", "error_data": {"details": "see token-canary-0123"}}}'
    )
    assert found is not None
    assert found.reason == "eight: error 8: Bad ***: see ***"


def test_an_error_inside_a_webhook_is_told_in_the_same_words() -> None:
    assert CODES.told(read_json(b'{"code": 7, "message": "x"}'), TOKEN) == "any: error 7: x"
    assert CODES.told({}, TOKEN) == ""


def test_a_missing_secret_is_named_with_where_it_comes_from() -> None:
    with pytest.raises(DefinitionError, match="X_TOKEN is not set; it comes from the attic"):
        door.check_set("meta", (TOKEN, "here"), (Secret.unset("X_TOKEN"), "the attic"))


async def test_a_file_without_an_address_is_rejected() -> None:
    with pytest.raises(Rejected, match="no address"):
        await files.download("meta", Image(ref="1"), 10)


@pytest.mark.parametrize(
    "url",
    [
        "https://fbcdn.net/x",
        "https://evilfbcdn.net/x",
        "https://lookaside.fbsbx.com@evil.example/x",
        "https://127.0.0.1/x",
        "http://scontent.fbcdn.net/x",
        "https://[",
    ],
)
async def test_no_other_host_is_asked_for_a_file(url: str) -> None:
    with pytest.raises(Rejected):
        await files.download("meta", Image(url), 10)


async def test_calls_are_made_while_it_is_open() -> None:
    graph = Graph("meta", "https://graph.example", "v25.0", TOKEN, CODES, total=1)
    with pytest.raises(RuntimeError, match="not open"):
        await graph.get("/me", "who am I")
