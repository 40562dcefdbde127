"""The way into the chat: its page's address, with the ref that the chat reads there."""

import pytest

from convokit import DefinitionError
from convokit.transports import WebChat


@pytest.mark.parametrize(
    ("page", "link"),
    [
        ("https://shop.example/", "https://shop.example/?ck-ref=sale"),
        ("https://shop.example/help?lang=tr", "https://shop.example/help?lang=tr&ck-ref=sale"),
        ("https://shop.example/help#chat", "https://shop.example/help?ck-ref=sale#chat"),
    ],
)
def test_a_link_is_the_pages_address_with_the_ref(page: str, link: str) -> None:
    chat = WebChat(page=page)
    chat.check()
    assert chat.link("sale") == link


def test_without_a_page_there_is_no_link_and_it_says_what_to_do() -> None:
    with pytest.raises(DefinitionError, match="the address of the page"):
        WebChat().link("sale")


@pytest.mark.parametrize("page", ["javascript:alert(1)", "shop.example", "https://", "//shop.example/"])
def test_what_is_no_pages_address_is_refused_at_the_start(page: str) -> None:
    with pytest.raises(DefinitionError, match="page is the address"):
        WebChat(page=page).check()
