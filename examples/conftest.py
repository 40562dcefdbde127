"""Every chat is tested on asyncio and on trio. Secrets come from the environment, and these are the tests' own."""

import os

# --8<-- [start:backends]
import pytest


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    backend: str = request.param
    return backend


# --8<-- [end:backends]

os.environ.setdefault("CHAT_KEY", "a key for tests, of thirty-two bytes or more")
os.environ.setdefault("MAIL_ADDRESS", "support@shop.example")
os.environ.setdefault("MAIL_SMTP_HOST", "smtp.shop.example")
os.environ.setdefault("MAIL_IMAP_HOST", "imap.shop.example")
os.environ.setdefault("MAIL_PASSWORD", "a password for tests")
os.environ.setdefault("TWILIO_ACCOUNT_SID", "AC" + 32 * "0")
os.environ.setdefault("TWILIO_AUTH_TOKEN", "an auth token for tests, of 32 characters")
os.environ.setdefault("TWILIO_PUBLIC_URL", "https://bots.example.com")
os.environ.setdefault("DIRECT_LINE_SECRET", "a secret for tests, of thirty-two bytes or more")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Those in a browser come last: the loop that Playwright runs in this thread would be in the way of others."""
    items.sort(key=lambda item: item.get_closest_marker("browser") is not None)
