"""Messenger before judges that are not ours: recorded webhooks, signature vectors, the API's own parameter list."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convokit.abc import Request
from convokit.conversations import ConversationId
from convokit.errors import Forged
from convokit.events import ConversationOpened, MessageReceived, SignalReceived
from convokit.fitting import fit
from convokit.messages import Button, Card, File, Image, Link, Message
from convokit.transports.messenger import Messenger
from convokit.transports.messenger.render import CAPABILITIES, RENDERER
from convokit.wire.signing import hmac_sha256

NOW = datetime(2026, 11, 22, tzinfo=UTC)
SECRET = "0123456789abcdef"
ADA = ConversationId("messenger", "PSID")


def sign(body: bytes, secret: str = SECRET) -> str:
    return "sha256=" + hmac_sha256(secret.encode(), body).hex()


def post(body: bytes, header: str, secret: str = SECRET) -> Any:
    request = Request(method="POST", headers={"x-hub-signature-256": header.encode()}, body=body, at=NOW)
    return Messenger("token", secret, "verify me").receive(request)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("Facebook_Payload.json", MessageReceived),
        ("Facebook_PayloadWithReferral.json", ConversationOpened),
        ("Facebook_PayloadWithPassThreadControl.json", SignalReceived),
    ],
)
def test_a_recorded_webhook_is_read(shared: Path, name: str, kind: type) -> None:
    body = (shared / "oracles" / "fixtures" / "messenger" / name).read_bytes()
    (event,) = post(body, sign(body)).events
    assert isinstance(event, kind)


def test_every_recorded_webhook_is_read_without_loss(shared: Path) -> None:
    for path in sorted((shared / "oracles" / "fixtures" / "messenger").glob("*.json")):
        body = path.read_bytes()
        assert len(post(body, sign(body)).events) == 1, path.name


def test_the_signature_vector_passes_and_no_altered_one(shared: Path) -> None:
    vectors = json.loads((shared / "oracles" / "signature_vectors.json").read_text())
    vector = vectors["meta_x_hub_signature_256"]
    body, header, secret = vector["body"].encode(), vector["header"], vector["secret"]
    assert post(body, header, secret).status == 200
    for wrong in ((body + b" ", header, secret), (body, header[:-1] + "0", secret), (body, header, secret + "x")):
        with pytest.raises(Forged):
            post(*wrong)


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_pywa_signs_as_we_verify(text: str) -> None:
    pywa = pytest.importorskip("pywa.utils", reason="pywa judges the signature; it is in the extra interop")
    body = json.dumps({"object": "page", "entry": [], "note": text}, ensure_ascii=False).encode()
    for header in (sign(body), sign(body + b"x"), sign(body, "another secret")):
        accepted = pywa.webhook_updates_validator(SECRET, body, header)
        if accepted:
            assert post(body, header).events == ()
        else:
            with pytest.raises(Forged):
                post(body, header)


def judge(body: Any, messenger_parameters: dict[str, set[str] | None]) -> None:
    assert "recipient" in body
    for name, value in body.items():
        assert name in messenger_parameters
        allowed = messenger_parameters[name]
        # The list writes sender actions in capitals, the platform's own examples in small letters.
        assert allowed is None or (value.upper() if name == "sender_action" else value) in allowed


words = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40).filter(lambda one: bool(one.strip()))
actions = st.lists(
    st.one_of(st.builds(Button, words), st.builds(Link, words, st.just("https://x.example"))), max_size=5
)
pictures = st.sampled_from([Image("https://x.example/1.jpg"), Image(data=b"x", media_type="image/png", alt="x")])
messages = st.one_of(
    st.builds(lambda text, buttons: Message(text, buttons=buttons), words, actions),
    st.builds(
        lambda one, buttons: Message(attachments=[one], buttons=buttons),
        st.one_of(pictures, st.just(File(ref="4711"))),
        actions,
    ),
    st.builds(
        lambda title, image, buttons: Message(cards=[Card(title=title, image=image, buttons=buttons)] * 2),
        words,
        st.none() | pictures,
        actions,
    ),
)


@settings(deadline=None)
@given(message=messages, tag=st.sampled_from(["", "HUMAN_AGENT"]))
def test_everything_sent_uses_the_apis_own_parameters(
    message: Message, tag: str, messenger_parameters: dict[str, set[str] | None]
) -> None:
    for one in fit(message, CAPABILITIES).messages:
        judge(RENDERER.say(ADA, one, key="messenger:PSID:1:0", tag=tag).body, messenger_parameters)


def test_typing_uses_the_apis_own_parameters(messenger_parameters: dict[str, set[str] | None]) -> None:
    judge(RENDERER.typing(ADA).body, messenger_parameters)


def test_every_subscription_that_the_doctor_asks_for_exists(shared: Path) -> None:
    from convokit.transports.messenger import SUBSCRIPTIONS  # noqa: PLC0415  only this test needs it

    enums = json.loads((shared / "oracles" / "specs" / "meta_codegen_enum_types.json").read_text())
    (known,) = [
        set(one["values"]) for one in enums if one["name"] == "pagesubscribed_apps_subscribed_fields_enum_param"
    ]
    assert set(SUBSCRIPTIONS) <= known
