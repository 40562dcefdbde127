"""Instagram before judges that are not ours: the signature's vectors, the API's own parameter list.

Nobody else's recorded bodies or schema of Instagram's webhooks were at hand: only our own tests judge those.
"""

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
from convokit.fitting import fit
from convokit.messages import Action, Button, Card, File, Image, Link, Message
from convokit.transports.instagram import LIKE_HEART, Instagram
from convokit.transports.instagram.render import CAPABILITIES, RENDERER
from convokit.transports.meta.profile import Profile

NOW = datetime(2026, 11, 22, tzinfo=UTC)
ADA = ConversationId("instagram", "IGSID")


def post(body: bytes, header: str, secret: str) -> Any:
    request = Request(method="POST", headers={"x-hub-signature-256": header.encode()}, body=body, at=NOW)
    return Instagram("token", "another-secret-0123456789", "verify me", meta_app_secret=secret).receive(request)


def test_the_signature_vector_passes_and_no_altered_one(shared: Path) -> None:
    vectors = json.loads((shared / "oracles" / "signature_vectors.json").read_text())
    vector = vectors["meta_x_hub_signature_256"]
    body, header, secret = vector["body"].encode(), vector["header"], vector["secret"]
    assert post(body, header, secret).status == 200
    for wrong in ((body + b" ", header, secret), (body, header[:-1] + "0", secret), (body, header, secret + "x")):
        with pytest.raises(Forged):
            post(*wrong)


def judge(body: Any, messenger_parameters: dict[str, set[str] | None]) -> None:
    assert "recipient" in body
    for name, value in body.items():
        assert name in messenger_parameters
        allowed = messenger_parameters[name]
        assert allowed is None or (value.upper() if name == "sender_action" else value) in allowed


words = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40).filter(lambda one: bool(one.strip()))
actions = st.lists(
    st.one_of(st.builds(Button, words), st.builds(Link, words, st.just("https://x.example"))), max_size=5
)
media = st.sampled_from([Image("https://x.example/1.jpg"), Image(data=b"x", media_type="image/png"), LIKE_HEART])
messages = st.one_of(
    st.builds(lambda text, buttons: Message(text, buttons=buttons), words, actions),
    st.builds(
        lambda one, buttons: Message(attachments=[one], buttons=buttons), media | st.just(File(ref="47")), actions
    ),
    st.builds(lambda title, buttons: Message(cards=[Card(title=title, buttons=buttons)] * 2), words, actions),
)


@settings(deadline=None)
@given(message=messages, tag=st.sampled_from(["", "HUMAN_AGENT"]), place=st.sampled_from(["IGSID", "comment:1"]))
def test_everything_sent_uses_the_apis_own_parameters(
    message: Message, tag: str, place: str, messenger_parameters: dict[str, set[str] | None]
) -> None:
    for one in fit(message, CAPABILITIES).messages:
        to = ConversationId("instagram", place)
        judge(RENDERER.say(to, one, key="instagram:IGSID:1:0", tag=tag).body, messenger_parameters)


def test_typing_uses_the_apis_own_parameters(messenger_parameters: dict[str, set[str] | None]) -> None:
    judge(RENDERER.typing(ADA).body, messenger_parameters)


@pytest.mark.parametrize("platform", ["instagram", "messenger"])
def test_ice_breakers_and_menu_use_the_apis_own_parameters(shared: Path, platform: Any) -> None:
    page = json.loads((shared / "oracles" / "specs" / "meta_codegen_Page.json").read_text())
    (edge,) = [one for one in page["apis"] if (one["method"], one.get("endpoint")) == ("POST", "messenger_profile")]
    known = {one["name"]: one["type"] for one in edge["params"]}
    menu: list[Action | str] = [Button("Order", "order"), Link("Shop", "https://x.example")]
    # The greeting is in Meta's documentation and not in this list.
    told = Profile(platform=platform, ice_breakers=["Open?"], menu=menu, get_started="START").body()
    assert told.keys() <= known.keys()
    enums = json.loads((shared / "oracles" / "specs" / "meta_codegen_enum_types.json").read_text())
    (platforms,) = [one["values"] for one in enums if one["name"] == known["platform"]]
    assert told["platform"].upper() in platforms
