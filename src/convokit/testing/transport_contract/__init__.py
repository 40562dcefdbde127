"""The proof of a transport: subclass `TransportContract` in a test module, name it `Test…`, and run pytest.

```python
class TestNetcat(TransportContract):
    secrets = ("canary-token",)
    genuine = (b'{"id": 1, "text": "hi"}',)
    unknown = (b'{"id": 2, "dance": true}',)
    conversation = "42"

    def transport(self, api_url: str, timeout: float) -> Transport: ...
    def sign(self, body: bytes) -> Request: ...
    def without_secrets(self) -> Sequence[Callable[[], Transport]]: ...
```

It drives the transport through a hostile platform: forged, damaged, repeated, shuffled, broken off, too large and
unknown webhooks, by themselves and through the door of a served bot; and, over a loopback double of the platform's API,
through every way in which a call can fail, every kind of content, and texts around every limit. It looks for the
secrets in everything that was logged or raised meanwhile. `profile_of(transport)` tells what the channel makes of each
kind of content.
"""

import pytest

from convokit.testing.transport_contract._contents import CONTENTS, Contents
from convokit.testing.transport_contract._listening import Listening
from convokit.testing.transport_contract._profile import CapabilityProfile, profile_of, profile_table
from convokit.testing.transport_contract._sending import Sending
from convokit.testing.transport_contract._served import Served
from convokit.testing.transport_contract._webhooks import Webhooks

__all__ = ["CONTENTS", "CapabilityProfile", "TransportContract", "profile_of", "profile_table"]

pytest.register_assert_rewrite(
    *(f"{__name__}.{part}" for part in ("_contents", "_listening", "_sending", "_served", "_webhooks"))
)


class TransportContract(Webhooks, Served, Sending, Contents, Listening):
    """What every transport holds. Give the members named here; override a test only to make it stricter."""
