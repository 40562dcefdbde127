"""The suite for transports finds each planted fault, by the test that is there for it, and is content without one."""

import inspect
import logging
from collections.abc import Iterator
from typing import Any

import anyio
import pytest
from bad_transport import FAULTS, BadContract

from convokit.testing.platform_double import Fault
from convokit.testing.transport_contract import CONTENTS
from convokit.testing.transport_contract._contents import PIECES

FOUND_BY = {
    "no signature check": "test_a_call_without_its_proof_is_refused",
    "compares a prefix": "test_every_flipped_bit_of_the_proof_is_refused",
    "proof without the body": "test_every_flipped_bit_of_the_body_is_refused",
    "takes old proofs": "test_a_proof_that_is_right_and_old_is_refused",
    "starts without a secret": "test_a_transport_without_its_secrets_does_not_start_and_refuses_every_call",
    "a sibling is swallowed": "test_a_batch_brings_what_its_parts_bring_in_their_order",
    "a new id at each delivery": "test_a_served_bot_takes_each_happening_once_however_it_is_delivered",
    "numbers as ids fail": "test_ids_may_be_numbers_or_digits",
    "an unknown kind raises": "test_an_unknown_kind_is_accepted_and_kept_as_it_came",
    "an unknown kind is dropped": "test_an_unknown_kind_is_accepted_and_kept_as_it_came",
    "fails on damaged fields": "test_a_genuine_body_with_a_damaged_field_never_fails_otherwise",
    "lone surrogates pass": "test_a_genuine_body_with_a_damaged_field_never_fails_otherwise",
    "429 is a refusal": "test_a_pause_that_the_platform_asks_for_is_told",
    "every failure is tried again": "test_a_refusal_is_for_good",
    "a lost answer was not sent": "test_a_lost_answer_may_have_been_sent",
    "the token in an error": "test_no_secret_shows_in_logs_errors_or_reprs",
    "the secret in its repr": "test_no_secret_shows_in_logs_errors_or_reprs",
    "texts are cut": "test_no_text_is_lost_or_over_the_limit",
    "over its own limit": "test_no_text_is_lost_or_over_the_limit",
    "sends buttons it cannot show": "test_every_kind_of_content_that_was_fitted_is_sent",
    "buttons are lost": "test_no_label_and_no_address_is_lost",
    "tries again by itself": "test_a_failing_server_is_tried_again",
    "two calls for one message": "test_a_message_that_the_platform_takes_is_one_call",
}
ALTERNATIVES: dict[str, list[Any]] = {
    "status": [400, 500],
    "fault": list(Fault),
    "content": list(CONTENTS),
    "piece": PIECES[:2],
}


class _Log:
    """What the suite asks of pytest's caplog."""

    def __init__(self) -> None:
        self.records: list[logging.LogRecord] = []

    def at_level(self, *_: Any) -> Any:
        return anyio.CancelScope()

    def set_level(self, *_: Any) -> None:
        pass


def runs(contract: BadContract, name: str) -> Iterator[Any]:
    """Run a test of the suite, once for each of its parameters."""
    test = getattr(contract, name)
    wanted = inspect.signature(test).parameters
    varied = next((one for one in wanted if one in ALTERNATIVES), "")
    for value in ALTERNATIVES.get(varied, [None]):
        given: dict[str, Any] = {varied: value} if varied else {}
        if "webhook" in wanted:
            given["webhook"] = contract.transport("http://127.0.0.1:1", 1.0)
        if "caplog" in wanted:
            given["caplog"] = _Log()
        yield lambda given=given: _ran(test, given)


def _ran(test: Any, given: dict[str, Any]) -> None:
    if inspect.iscoroutinefunction(test):
        anyio.run(lambda: test(**given))
    else:
        test(**given)


def _all(several: Iterator[Any]) -> None:
    for run in several:
        run()


def test_every_fault_has_the_test_that_finds_it() -> None:
    assert set(FOUND_BY) == set(FAULTS)
    assert len(FAULTS) >= 10


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found(fault: str) -> None:
    contract = BadContract()
    contract.fault = fault
    with pytest.raises(BaseException) as told:  # noqa: PT011  pytest's own failures are no Exceptions
        _all(runs(contract, FOUND_BY[fault]))
    assert not isinstance(told.value, pytest.skip.Exception | KeyboardInterrupt | SystemExit), told.value


class TestWithoutAFault(BadContract):
    """The whole suite is content with it when nothing is planted."""
