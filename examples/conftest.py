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
os.environ.setdefault("DIRECT_LINE_SECRET", "a secret for tests, of thirty-two bytes or more")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Those in a browser come last: the loop that Playwright runs in this thread would be in the way of others."""
    items.sort(key=lambda item: item.get_closest_marker("browser") is not None)
