"""WhatsApp before judges that are not ours: recorded webhooks, Meta's own description of the API, and pywa."""

import contextlib
import gc
import io
import json
import runpy
import sys
import warnings
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from convokit.conversations import ConversationId
from convokit.events import ConversationOpened, MalformedReceived, MessageFailed, UnknownReceived
from convokit.fitting import fit
from convokit.messages import Button, Image, Location, Message, Parameter, Template, TemplateButton, Video
from convokit.transports.whatsapp import ENTRY, _pattern
from convokit.transports.whatsapp.parse import Reader
from convokit.transports.whatsapp.render import CAPABILITIES, render
from convokit.wire.signing import Secret

NOW = datetime(2026, 11, 22, tzinfo=UTC)
READER = Reader(channel="whatsapp", entry=_pattern(ENTRY), token=Secret("token", "token"))
UNKNOWN_THERE = {"unsupported", "unsupported_with_type", "interactive_message_with_err"}
"""Recorded messages of which the platform itself says that it does not know them, or has not their content."""


def recorded(shared: Path, name: str) -> dict[str, dict[str, Any]]:
    whole: dict[str, dict[str, Any]] = json.loads(
        (shared / "oracles" / "fixtures" / "whatsapp" / f"{name}.json").read_text(encoding="utf-8")
    )
    return whole


@pytest.mark.parametrize("file", ["message", "callback_button", "message_status", "system", "template_status_update"])
def test_every_recorded_webhook_is_read(shared: Path, file: str) -> None:
    for name, body in recorded(shared, file).items():
        received = READER.read(json.dumps(body).encode(), NOW)
        assert not [one for one in received.events if isinstance(one, MalformedReceived)], name
        known = file == "template_status_update" or name in UNKNOWN_THERE
        assert known or not [one for one in received.events if isinstance(one, UnknownReceived)], name
        if file != "message_status":
            assert received.events, name


def test_recorded_facts_are_the_events_facts(shared: Path) -> None:
    messages = recorded(shared, "message")
    opened, _ = READER.read(json.dumps(messages["referral"]).encode(), NOW).events
    assert isinstance(opened, ConversationOpened)
    assert opened.ref == "ad:ADID"
    statuses = recorded(shared, "message_status")
    tracked = READER.read(json.dumps(statuses["with_tracker"]).encode(), NOW)
    assert [one.key for one in tracked.evidence] == ["some data"]
    [failed] = READER.read(json.dumps(statuses["failed"]).encode(), NOW).events
    assert isinstance(failed, MessageFailed)
    assert "experiment" in failed.reason


@pytest.fixture(scope="module")
def judge(shared: Path) -> Mapping[str, Any]:
    """The functions of the judge, which is a program: it is run once over the description's own examples."""
    pytest.importorskip("jsonschema")
    yaml = pytest.importorskip("yaml")
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(io.StringIO()):
        spec = shared / "oracles" / "specs" / "whatsapp_business-messaging-api_v23.0.yaml"
        patch.setattr(sys, "argv", ["wa_spec_check", str(spec)])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)  # it leaves its file for the collector to close
            made = runpy.run_path(str(shared / "oracles" / "wa_spec_check.py"))
            gc.collect()
    described = yaml.safe_load(spec.read_text(encoding="utf-8"))
    return {**made, "description": made["repair"](json.loads(json.dumps(described, default=str)))}


@pytest.fixture(scope="module")
def complaints(judge: Mapping[str, Any]) -> Any:
    validators = {
        kind: judge["validator"](judge["description"], f"#/components/schemas/{name}")
        for kind, name in judge["OUT"].items()
    }

    def look(message: Message) -> list[str]:
        found: list[str] = []
        for one in fit(message, CAPABILITIES).messages:
            body = dict(render(ConversationId("whatsapp", "447911123456"), one).body)
            found += [error.message for error in validators[body["type"]].iter_errors(body)]
        return found

    return look


@pytest.mark.parametrize(
    "message",
    [
        Message("Hello"),
        Message("Which?", buttons=["A", "B", "C"]),
        Message("Which?", buttons=[f"B{n}" for n in range(10)]),
        Message("Look", attachments=[Image("https://x.example/a")]),
        Message(attachments=[Video(ref="123")]),
        Message(location=Location(41, 29, "Our shop")),
        Message(template=Template("order_sent", "en_US")),
        Message(
            template=Template(
                "order_sent",
                "en_US",
                picture=Image("https://x.example/a"),
                body=["Ada", Parameter("12 €", currency="EUR", thousandths=12000)],
                buttons=[TemplateButton(0, "quick_reply", "p"), TemplateButton(1, "url", "42")],
            )
        ),
    ],
)
def test_what_is_sent_is_what_meta_describes(complaints: Any, message: Message) -> None:
    assert complaints(message) == []


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.text(max_size=2000), st.lists(st.text(min_size=1, max_size=40).filter(str.strip), max_size=12))
def test_whatever_is_said_is_what_meta_describes(complaints: Any, text: str, labels: list[str]) -> None:
    message = Message(text, buttons=[Button(one, f"p{n}") for n, one in enumerate(labels)])
    assert complaints(message) == []


def test_pywa_reads_the_same_out_of_recorded_messages(shared: Path) -> None:
    pywa: Any = pytest.importorskip("pywa")
    theirs_of: Any = pytest.importorskip("pywa.types").Message
    client = pywa.WhatsApp(phone_id="1122334455667", token="none", server=None)
    for name in ("text", "image", "video", "document", "voice", "reply", "chosen_location"):
        body = recorded(shared, "message")[name]
        theirs = theirs_of.from_update(client, body)
        [ours] = READER.read(json.dumps(body).encode(), NOW).events
        assert ours.id == theirs.id
        assert ours.user is not None
        assert ours.user.name == theirs.from_user.name
        assert ours.at.timestamp() == theirs.timestamp.timestamp()
        assert ours.text == (theirs.text or theirs.caption or "")
