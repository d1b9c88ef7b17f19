"""A provider against its peer on loopback: it hands over, is refused, is checked, and survives the peer's end."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest

from connectpulse.core.domain import form
from connectpulse.core.domain.outcome import Accepted, Rejected, TryLater
from connectpulse.core.domain.provider import Capability, ConnectionLost, Events, Provider
from connectpulse.house import House

PATIENCE = 60
CALLBACK_URL = "http://127.0.0.1:9/callbacks/1/conformance"


def run(trial: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run a trial in a loop of its own, for at most a minute."""
    asyncio.run(asyncio.wait_for(trial(), PATIENCE))


async def take_in(events: Events) -> None:
    """Take receipts in and forget them."""


def adapter(provider: type[Provider], settings: dict[str, Any]) -> Provider:
    return provider(settings, take_in, window=4, callback_url=CALLBACK_URL)


@asynccontextmanager
async def peer(provider: type[Provider]) -> AsyncIterator[dict[str, Any]]:
    """Start the provider's peer; yield settings that reach it."""
    samples = provider.samples()
    if samples.peer is None:
        yield form.read(provider.settings_form, samples.settings)
        return
    async with samples.peer() as settings:
        yield form.read(provider.settings_form, settings)


def test_it_hands_over_what_can_be_handed_over(provider: type[Provider], house: House) -> None:
    submissions = provider.samples().submissions
    if not submissions:
        pytest.skip(f"{provider.name} has no sample messages")

    async def trial() -> None:
        async with peer(provider) as settings:
            made = adapter(provider, settings)
            try:
                await made.open()
                outcomes = await made.send_batch(submissions)
            finally:
                await made.close()
        assert len(outcomes) == len(submissions), "one outcome per message, in order"
        for outcome in outcomes:
            assert isinstance(outcome, Accepted), f"a good message ended as {outcome}"
            if Capability.RECEIPTS in provider.capabilities:
                assert outcome.references, "its receipts could not be matched without references"

    run(trial)


def test_it_tells_whose_fault_a_refusal_is(provider: type[Provider], house: House) -> None:
    refused = provider.samples().refused
    if not refused:
        pytest.skip(f"{provider.name} has no sample of a refused message")

    async def trial() -> None:
        async with peer(provider) as settings:
            made = adapter(provider, settings)
            try:
                await made.open()
                for submission, error in refused:
                    (outcome,) = await made.send_batch([submission])
                    assert isinstance(outcome, Rejected | TryLater), f"it should be refused, and is {outcome}"
                    assert outcome.error is error
            finally:
                await made.close()

    run(trial)


def test_its_check_tells_its_steps_and_no_secret(provider: type[Provider], house: House) -> None:
    if provider.samples().peer is None:
        pytest.skip(f"{provider.name} has no peer to be checked against")

    async def trial() -> None:
        async with peer(provider) as settings:
            found = await adapter(provider, settings).check()
        assert found.is_working, found.steps
        assert found.steps
        for name in form.secrets(provider.settings_form):
            secret = str(settings.get(name) or "")
            assert len(secret) < 6 or not any(secret in step for step in found.steps), f"a step shows {name}"

    run(trial)


def test_a_dead_peer_is_an_answer(provider: type[Provider], house: House) -> None:
    samples = provider.samples()
    if samples.peer is None:
        pytest.skip(f"{provider.name} has no peer that could end")

    async def trial() -> None:
        async with peer(provider) as settings:
            pass
        found = await adapter(provider, settings).check()
        assert not found.is_working
        assert found.steps
        made = adapter(provider, settings)
        try:
            await made.open()
            outcomes = await made.send_batch(samples.submissions)
        except ConnectionLost:
            return
        finally:
            await made.close()
        assert not any(isinstance(outcome, Accepted) for outcome in outcomes), "nobody was there to accept"

    run(trial)
