"""Holes are planted in the package, one at a time: the tests that guard against each must fail."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from attrs import frozen

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
FAILED, PASSED = 1, 0


@frozen
class Hole:
    """One hole, and who notices.

    Args:
        module: Where it is planted.
        old: The piece of source that is replaced; it is there once.
        new: By what.
        file: The tests that guard against it.
        only: Which of them, as after `-k`; empty: all.
    """

    module: str
    old: str
    new: str
    file: str
    only: str = ""


WEBCHAT = "tests/unit/transports/webchat"
HOLES = {
    "no compare": Hole(
        "convokit.wire.signing",
        "return hmac.compare_digest(a, b)",
        "return True",
        "tests/contracts/test_transports.py",
        "flipped_bit",
    ),
    "empty key": Hole("convokit.wire.signing", "if not key:", "if False:", "tests/unit/wire/test_signing.py", "hmac"),
    "secret in repr": Hole(
        "convokit.wire.signing",
        'return "Secret(***)"',
        'return f"Secret({self._value})"',
        "tests/unit/wire/test_signing.py",
        "secret",
    ),
    "NaN passes": Hole(
        "convokit.wire.lenient", ", parse_constant=_refuse", "", "tests/unit/wire/test_http.py", "not_json"
    ),
    "token on redirect": Hole(
        "convokit.wire.http",
        "follow_redirects=False",
        "follow_redirects=True",
        "tests/unit/wire/test_http.py",
        "redirect",
    ),
    "auto-decompress": Hole(
        "convokit.wire.http",
        'if response.headers.get("content-encoding", "identity").lower() not in ("", "identity"):',
        "if False:",
        "tests/unit/wire/test_http.py",
    ),
    "SVG inline": Hole(
        "convokit.wire.files",
        "shown = kept.media_type in sniffing.INLINE and sniffing.sniff(head) == kept.media_type",
        'shown = kept.media_type.startswith("image/")',
        "tests/unit/wire/test_files.py",
        "svg",
    ),
    "a link without its end": Hole(
        "convokit.wire.files", " or left <= 0:", ":", "tests/unit/wire/test_files.py", "link_ends"
    ),
    "no Origin check": Hole(
        "convokit.wire.live", "if origin in allowed:", "if True:", f"{WEBCHAT}/test_identity.py", "foreign_origin"
    ),
    "no Origin check at the desk": Hole(
        "convokit.wire.live",
        "if origin in allowed:",
        "if True:",
        "tests/unit/desks/inbox/test_inbox_site.py",
        "origin or another_site",
    ),
    "HS256 for another key": Hole(
        "convokit.transports.webchat.customers",
        'header.get("alg") != key.algorithm or ',
        "",
        f"{WEBCHAT}/test_signed_by_ed25519.py",
        "algorithm",
    ),
    "no compare of a customer's token": Hole(
        "convokit.transports.webchat.customers",
        ' or not key.verifies(f"{head}.{body}".encode(), signature)',
        "",
        f"{WEBCHAT}/test_identity.py",
        "signs_nobody_in",
    ),
    "no aud": Hole(
        "convokit.transports.webchat.customers",
        "if meant != audience and not (isinstance(meant, list) and audience in meant):",
        "if False:",
        f"{WEBCHAT}/test_identity.py",
        "signs_nobody_in",
    ),
    "no window": Hole(
        "convokit.transports.webchat.customers",
        "if not issued - SKEW_SECONDS <= seconds < ends + SKEW_SECONDS:",
        "if False:",
        f"{WEBCHAT}/test_identity.py",
        "signs_nobody_in",
    ),
    "id instead of owner": Hole(
        "convokit.transports.webchat.front",
        "if kept is None or kept.owner not in owners:",
        "if kept is None:",
        f"{WEBCHAT}/test_chat_files.py",
        "somebody_else",
    ),
    "another's conversation": Hole(
        "convokit.transports.webchat.directline",
        "elif grant.conversation != named:",
        "elif False:",
        f"{WEBCHAT}/test_direct_line.py",
    ),
    "old webhooks taken again": Hole(
        "convokit._engine.engine",
        "fresh = [event for event in events if event.at >= oldest]",
        "fresh = list(events)",
        "tests/scenarios/test_door.py",
    ),
    "suffix host match": Hole(
        "convokit.wire.http",
        'if path.startswith(self._base_url + "/"):',
        "if path.startswith(self._base_url):",
        "tests/unit/wire/test_http.py",
        "absolute",
    ),
    "Host for an address": Hole(
        "convokit._engine.door",
        'there = quote(name).encode() + b"/"',
        'there = b"//" + dict(scope["headers"]).get(b"host", b"") + b"/" + quote(name).encode() + b"/"',
        "tests/scenarios/test_sites.py",
        "names_no_host",
    ),
    "stale lease accepted": Hole(
        "convokit.stores.sqlite.lanes",
        "return lease if lease is not None and lease.epoch == epoch else None",
        "return lease",
        "tests/contracts/test_stores.py",
        "stale or fenced or lost",
    ),
    "an unsigned call from Meta": Hole(
        "convokit.transports.meta.door",
        "if not self._signed(request):",
        "if False:",
        "tests/unit/transports/test_instagram_webhook.py",
    ),
    "one of two secrets will do for any signature": Hole(
        "convokit.transports.meta.door",
        "good = same(expected, given) or good",
        "good = bool(given)",
        "tests/unit/transports/test_instagram_webhook.py",
        "either",
    ),
    "what the account says is the customer's": Hole(
        "convokit.transports.meta.envelope",
        "own = bool(self.account) and sender",
        "own = False and sender",
        "tests/unit/transports/test_instagram_parse.py",
        "never_the_customers",
    ),
    "a file from anywhere": Hole(
        "convokit.transports.meta.files",
        'HOSTS = (".fbcdn.net", ',
        'HOSTS = ("evil.example", "fbcdn.net.evil.example", "lookaside.fbsbx.com.evil.example", ".fbcdn.net", ',
        "tests/unit/transports/test_instagram_sending.py",
        "own_addresses_only",
    ),
    "anybody hears what operators hear": Hole(
        "convokit.transports.voice.whisper",
        "form = voice.account.read(self.name, request)",
        "form = Form(())",
        "tests/unit/transports/test_voice_whisper.py",
        "only_the_platform",
    ),
    "another caller's summary": Hole(
        "convokit.transports.voice.whisper",
        "and digest(one.handoff.id) == mark:",
        "and True:",
        "tests/unit/transports/test_voice_whisper.py",
        "only_the_platform",
    ),
    "TwiML breaks out": Hole(
        "convokit.transports.voice.twiml",
        'tostring(response, encoding="unicode").encode()',
        'tostring(response, encoding="unicode").replace("&lt;", "<").replace("&gt;", ">").encode()',
        "tests/unit/transports/test_voice_calling.py",
        "break_out",
    ),
    "an answer that anybody makes": Hole(
        "convokit.transports.email.tags",
        'return place if same(found[2].encode(), self._mac("reply", address, found[1]).encode()) else None',
        "return place",
        "tests/unit/transports/test_email_parse.py",
        "tag_proves",
    ),
    "a scanner presses": Hole(
        "convokit.transports.email.pages",
        "        if form is None:\n            return 200, _page(words, words.ask",
        "        if False:\n            return 200, _page(words, words.ask",
        "tests/unit/transports/test_email_incoming.py",
        "post_only",
    ),
    "hidden words in a mail": Hole(
        "convokit.transports.email.markup",
        "        if hides(value):",
        "        if False:",
        "tests/unit/transports/test_email_parse.py",
        "cannot_see",
    ),
    "anybody vouches": Hole(
        "convokit.transports.email.guards",
        'if name.strip().lower().split(" ")[0] == authority.lower():',
        "if True:",
        "tests/unit/transports/test_email_parse.py",
        "authentication",
    ),
    "programs are answered": Hole(
        "convokit.transports.email.incoming",
        "        if mail.automatic:",
        "        if False:",
        "tests/unit/transports/test_email_incoming.py",
        "programs_mail",
    ),
    "a password in the clear": Hole(
        "convokit.transports.email.posting",
        "                line.starttls(context=tls(self.ca_file))",
        "                pass",
        "tests/unit/transports/test_email_sending.py",
        "offers_no_encryption",
    ),
}


def run(hole: Hole, *more: str) -> subprocess.CompletedProcess[str]:
    """Run the guards with the hole in the package."""
    path = os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")])
    planted = json.dumps([hole.module, hole.old, hole.new])
    return subprocess.run(  # noqa: S603  our own interpreter and words
        [sys.executable, "-m", "pytest", "-p", "planted", "-q", "-p", "no:cacheprovider", hole.file, *more],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": path, "PLANTED": planted},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", HOLES)
def test_a_hole_is_noticed(name: str) -> None:
    hole = HOLES[name]
    ended = run(hole, "-x", *(["-k", hole.only] if hole.only else []))
    assert ended.returncode == FAILED, f"{name}: nobody noticed\n{ended.stdout[-2000:]}{ended.stderr[-2000:]}"
    assert "\nFAILED " in ended.stdout, ended.stdout[-2000:]


@pytest.mark.slow
def test_where_nothing_is_changed_the_guards_are_content() -> None:
    hole = HOLES["empty key"]
    ended = run(Hole(hole.module, hole.old, hole.old, hole.file))
    assert ended.returncode == PASSED, ended.stdout[-2000:]


@pytest.mark.parametrize("name", HOLES)
def test_a_hole_still_fits_and_has_a_guard(name: str) -> None:
    hole = HOLES[name]
    place = ROOT / "src" / hole.module.replace(".", "/")
    source = place.with_suffix(".py") if place.with_suffix(".py").is_file() else place / "__init__.py"
    assert source.read_text().count(hole.old) == 1, f"{hole.module} does not say {hole.old!r} once: plant it anew"
    assert (ROOT / hole.file).is_file()


def test_a_hole_that_does_not_fit_any_more_is_told() -> None:
    ended = run(Hole("convokit.wire.signing", "no such words", "", "tests/unit/wire/test_signing.py"))
    assert "plant the hole anew" in ended.stderr + ended.stdout
