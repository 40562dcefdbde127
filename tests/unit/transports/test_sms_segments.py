"""How many parts a text is paid as."""

import builtins
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sms_calls import sms

from convokit.errors import MissingExtra
from convokit.messages import Message
from convokit.transports.sms import Segments, segments
from convokit.transports.sms.segments import gsm_alphabet


@pytest.mark.parametrize(
    ("text", "parts", "encoding", "units"),
    [
        ("", 0, "GSM-7", 0),
        ("a" * 160, 1, "GSM-7", 160),
        ("a" * 161, 2, "GSM-7", 161),
        ("a" * 306, 2, "GSM-7", 306),
        ("a" * 307, 3, "GSM-7", 307),
        ("€" * 80, 1, "GSM-7", 160),
        # The second part begins with a whole "€": 152 septets stand in the first.
        ("€" * 153, 3, "GSM-7", 306),
        ("ş" * 70, 1, "UCS-2", 70),
        ("ş" * 71, 2, "UCS-2", 71),
        ("😀" * 35, 1, "UCS-2", 70),
        # 33 whole emoji in a part of 67 units.
        ("😀" * 67, 3, "UCS-2", 134),
        ("Grüße aus Köln, 5 € [heute]", 1, "GSM-7", 30),
    ],
)
def test_a_text_has_its_parts(text: str, parts: int, encoding: str, units: int) -> None:
    found = segments(text)
    assert (found.parts, found.encoding, found.units) == (parts, encoding, units)


def test_what_makes_it_dear_is_named() -> None:
    found = segments("It’s ready — “come”\u00a0now")
    assert found.forcing == ("’", "—", "“", "”", "\u00a0")
    assert str(found).endswith("would fit into a part without: ’ — “ ” U+00A0")
    assert str(segments("Hello")) == "1 part (GSM-7, 5 units)"
    assert "…" in str(segments("абвгде"))


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=700))
def test_parts_hold_the_text_and_not_much_more(text: str) -> None:
    found = segments(text)
    most = 160 if found.encoding == "GSM-7" else 70
    beside = 153 if found.encoding == "GSM-7" else 67
    assert found.units <= max(most, found.parts * beside)
    assert found.parts <= 1 or found.units > (found.parts - 1) * (beside - 1)
    assert (found.encoding == "UCS-2") == bool(found.forcing)


@pytest.fixture
def without_the_extra(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    imported = builtins.__import__

    def refused(name: str, *given: Any, **named: Any) -> Any:
        if name == "gsm0338":
            raise ImportError(name)
        return imported(name, *given, **named)

    gsm_alphabet.cache_clear()
    monkeypatch.setattr(builtins, "__import__", refused)
    yield
    gsm_alphabet.cache_clear()


@pytest.mark.usefixtures("without_the_extra")
def test_without_the_extra_nothing_is_counted_and_everything_else_works() -> None:
    with pytest.raises(MissingExtra, match=r"convokit-sdk\[sms\]"):
        segments("Hello")
    assert sms().remarks(Message("Hello")) == ()
    sms().check()


def test_a_count_is_a_value() -> None:
    assert segments("x") == Segments(parts=1, encoding="GSM-7", units=1)
