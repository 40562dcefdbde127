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
