"""Every chat is tested on asyncio and on trio."""

# --8<-- [start:backends]
import pytest


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    backend: str = request.param
    return backend


# --8<-- [end:backends]
