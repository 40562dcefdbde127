"""Webhooks: forged, damaged, repeated and unknown."""

import re

import pytest
from attrs import evolve

from convokit.abc import Received, Transport
from convokit.errors import DefinitionError, Forged, Malformed
from convokit.events import UnknownReceived
from convokit.testing.transport_contract._damage import (
    NOT_JSON,
    ODD_SIGNATURES,
    damaged,
    flipped,
    is_form,
    spelled_otherwise,
    storable,
    with_news,
)
from convokit.testing.transport_contract._members import Members


class Webhooks(Members):
    """What `receive` holds."""

    def test_a_genuine_call_brings_events_of_its_channel_that_can_be_stored(self, webhook: Transport) -> None:
        """Ids are unique within the call, and what a store writes is what it reads back."""
        assert self.genuine, "give some genuine bodies"
        for body in self.genuine:
            events = webhook.receive(self.sign(body)).events
            assert events, body
            assert len({(one.conversation, one.id) for one in events}) == len(events)
            storable(webhook, events)

    def test_the_same_call_again_brings_the_same_ids(self, webhook: Transport) -> None:
        """By them the store drops duplicates."""
        for body in self.genuine:
            first, again = (webhook.receive(self.sign(body)).events for _ in range(2))
            assert [(one.conversation, one.id) for one in first] == [(one.conversation, one.id) for one in again]

    def test_a_call_without_its_proof_is_refused(self, webhook: Transport) -> None:
        """Missing, empty, of bytes that are no text."""
        for body in (*self.genuine, *NOT_JSON):
            request = self.sign(body)
            bare = {name: value for name, value in request.headers.items() if name != self.signature_header}
            with pytest.raises(Forged):
                webhook.receive(evolve(request, headers=bare))
            for odd in ODD_SIGNATURES:
                with pytest.raises(Forged):
                    webhook.receive(evolve(request, headers={**bare, self.signature_header: odd}))

    def test_every_flipped_bit_of_the_proof_is_refused(self, webhook: Transport) -> None:
        """And one byte more or less."""
        request = self.sign(self.genuine[0])
        proof = request.headers[self.signature_header]
        for wrong in (*flipped(proof), proof[:-1], proof + b"0", proof * 2):
            with pytest.raises(Forged):
                webhook.receive(evolve(request, headers={**request.headers, self.signature_header: wrong}))

    def test_every_flipped_bit_of_the_body_is_refused(self, webhook: Transport) -> None:
        """Where the proof covers the body."""
        if not self.signs_body:
            pytest.skip("the platform's proof does not cover the body")
        request = self.sign(self.genuine[0])
        for wrong in flipped(request.body):
            with pytest.raises(Forged):
                webhook.receive(evolve(request, body=wrong))

    def test_a_transport_without_its_secrets_does_not_start_and_refuses_every_call(self) -> None:
        """Nothing turns the verification off."""
        makers = self.without_secrets()
        assert makers, "give makers of transports without secrets"
        for make in makers:
            try:
                transport = make()
            except DefinitionError:
                continue
            with pytest.raises(DefinitionError):
                transport.check()
            if transport.has_webhook:
                for body in self.genuine:
                    with pytest.raises(Forged):
                        transport.receive(self.sign(body))

    def test_a_body_that_cannot_be_read_is_malformed_and_nothing_else(self, webhook: Transport) -> None:
        """Genuinely signed."""
        for body in (*NOT_JSON, *(one[: len(one) // 2] for one in self.genuine)):
            self._read(webhook, body)

    def test_a_genuine_body_with_a_damaged_field_never_fails_otherwise(self, webhook: Transport) -> None:
        """Each field deleted, and replaced by junk of every type; of forms too."""
        for body in self.genuine:
            for wrong in damaged(body, is_form(self.sign(body))):
                self._read(webhook, wrong)

    def test_ids_may_be_numbers_or_digits(self, webhook: Transport) -> None:
        """Platforms write them now so, now so: it is the same happening."""
        for body in self.genuine:
            wanted = _own_names(webhook.receive(self.sign(body)))
            for other in spelled_otherwise(body):
                assert _own_names(webhook.receive(self.sign(other))) == wanted, other

    def test_a_field_that_the_platform_has_brought_since_changes_nothing(self, webhook: Transport) -> None:
        """In each of the body's objects. Ids that are made of a digest of all that came may differ."""
        for body in self.genuine:
            wanted = webhook.receive(self.sign(body)).events
            for other in with_news(body):
                found = webhook.receive(self.sign(other)).events
                assert [(type(one), one.conversation, one.text) for one in found] == [
                    (type(one), one.conversation, one.text) for one in wanted
                ], other

    def test_a_batch_brings_what_its_parts_bring_in_their_order(self, webhook: Transport) -> None:
        """And one part that cannot be read costs none of the others."""
        body = self.batch(self.genuine)
        apart = [name for one in self.genuine for name in _names(webhook.receive(self.sign(one)))]
        assert _names(webhook.receive(self.sign(body))) == apart
        for number in range(len(self.genuine)):
            others = [one for place, one in enumerate(self.genuine) if place != number]
            known = {name for one in others for name in _names(webhook.receive(self.sign(one)))}
            for spoilt in list(damaged(self.genuine[number], form=False))[::37]:
                mixed = [*self.genuine[:number], spoilt, *self.genuine[number + 1 :]]
                assert known <= set(_names(webhook.receive(self.sign(self.batch(mixed))))), spoilt

    def test_a_proof_that_is_right_and_old_is_refused(self, webhook: Transport) -> None:
        """Whoever has recorded a call cannot play it again."""
        for body in self.genuine:
            with pytest.raises(Forged):
                webhook.receive(self.stale(body))

    def test_an_unknown_kind_is_accepted_and_kept_as_it_came(self, webhook: Transport) -> None:
        """So that a platform's news cost nothing."""
        for body in self.unknown:
            received = webhook.receive(self.sign(body))
            assert received.status == 200
            kept = [one for one in received.events if isinstance(one, UnknownReceived)]
            assert kept
            assert all(one.raw for one in kept)
            storable(webhook, received.events)

    def _read(self, webhook: Transport, body: bytes) -> Received | None:
        try:
            received = webhook.receive(self.sign(body))
        except (Forged, Malformed):
            return None
        storable(webhook, received.events)
        return received


def _names(received: Received) -> list[tuple[str, str]]:
    return [(str(one.conversation), one.id) for one in received.events]


def _own_names(received: Received) -> list[tuple[str, str]]:
    """As `_names`; an id that is made of a digest of all that came is no id of the platform's."""
    return [(where, _DIGEST.sub("", name)) for where, name in _names(received)]


_DIGEST = re.compile(r"[0-9a-f]{16,64}")
