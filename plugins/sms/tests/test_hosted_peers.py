"""The stand-ins' callbacks over real sockets: every message they take is reported, signed, to the address it named."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from connectpulse_sms.gateway.peer import serving
from connectpulse_sms.twilio import TwilioProvider
from connectpulse_sms.twilio import peer as twilio
from connectpulse_sms.vonage import VonageProvider
from connectpulse_sms.vonage import peer as vonage
from connectpulse_sms.vonage.settings import MESSAGES, SMS
from hosted_scene import connected, message, read

from connectpulse.core.api import Accepted, Callback, Inbound, MessageState, Provider, Receipt

BATCH = [message("x" * 200), message(to="+923001234599", token="2b")]
FINAL = {"+923001234567": MessageState.DELIVERED, "+923001234599": MessageState.UNDELIVERABLE}


@asynccontextmanager
async def listening(kind: type[Provider], settings: dict[str, Any]) -> AsyncIterator[tuple[str, list[Any]]]:
    """Serve a callback address; yield it and the events that genuine callbacks told of."""
    known, told = read(kind, settings), []

    async def take(request: web.Request) -> web.Response:
        body = await request.read()
        query = list(request.query.items())
        callback = Callback(request.method, str(request.url), dict(request.headers), query, body)
        if not kind.verify_callback(known, callback):
            return web.Response(status=403)
        told.extend(kind.parse_callback(known, callback))
        media, word = kind.answer_callback(known, callback)
        return web.Response(text=word, content_type=media)

    app = web.Application()
    app.router.add_post("/in", take)
    async with serving(app) as address:
        yield f"{address}/in", told


async def settled(told: Sequence[Any], answers: Sequence[int], count: int) -> None:
    async with asyncio.timeout(10):
        while len(answers) < count:
            await asyncio.sleep(0.01)
    assert set(answers) == {200}
    assert len(told) == count


def check_reports(outcomes: Sequence[Any], told: Sequence[Receipt]) -> None:
    references = {reference for outcome in outcomes for reference in outcome.references}
    assert {receipt.reference for receipt in told} == references
    assert {receipt.address: receipt.state for receipt in sorted(told, key=lambda each: each.state)} == FINAL


@pytest.mark.parametrize("by_key", [False, True])
def test_twilios_reports_are_believed(by_key: bool) -> None:
    async def scene() -> None:
        async with twilio.running() as (settings, peer):
            peer.signs_by_key = by_key
            known = {**settings, "shared_key": twilio.SHARED_KEY}
            async with (
                listening(TwilioProvider, known) as (url, told),
                connected(TwilioProvider, known, callback_url=url) as provider,
            ):
                outcomes = await provider.send_batch(BATCH)
                assert [outcome.quantity for outcome in outcomes if isinstance(outcome, Accepted)] == [2, 1]
                await settled(told, peer.answers, 4)
                check_reports(outcomes, told)
                assert await peer.write(url, "+923001234567", "+15005550006", "STOP") == 200
                assert isinstance(told[-1], Inbound)

    asyncio.run(asyncio.wait_for(scene(), 20))


@pytest.mark.parametrize(("interface", "count"), [(SMS, 6), (MESSAGES, 4)])
def test_vonages_reports_are_believed(interface: str, count: int) -> None:
    async def scene() -> None:
        async with (
            vonage.running(interface) as (settings, peer),
            listening(VonageProvider, settings) as (url, told),
            connected(VonageProvider, settings, callback_url=url) as provider,
        ):
            outcomes = await provider.send_batch(BATCH)
            await settled(told, peer.answers, count)
            check_reports(outcomes, told)

    asyncio.run(asyncio.wait_for(scene(), 20))
