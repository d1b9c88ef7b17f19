"""Whole calls over real sockets: the stand-in asks what to say, presses keys, and tells how each call ended."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from aiohttp import web
from calls_scene import connected, read
from connectpulse_voice.channel import check_caller
from connectpulse_voice.twilio import TwilioCallsProvider, lookup, peer
from prompts_scene import call

from connectpulse.core.api import (
    Accepted,
    Callback,
    ErrorClass,
    Inbound,
    Outcome,
    Receipt,
    Reply,
    TryLater,
    Unknown,
)
from connectpulse.core.services.work import utc_now
from connectpulse.core.storage.ids import at
from connectpulse.core.wire import egress

NEVER = TryLater(timedelta(), ErrorClass.PROVIDER, "not_received")
CONTENT = {"text": "Hello", "more_key": "2", "more_text": "More", "opt_out_key": "9", "answers": "1 I come"}
MADE = at(utc_now() - timedelta(minutes=10))


@asynccontextmanager
async def listening(known: dict[str, Any]) -> AsyncIterator[tuple[str, list[Any]]]:
    """Serve a callback address; yield it and the events that genuine callbacks told of."""
    told: list[Any] = []

    async def take(request: web.Request) -> web.Response:
        callback = Callback(request.method, str(request.url), dict(request.headers), (), await request.read())
        if not TwilioCallsProvider.verify_callback(known, callback):
            return web.Response(status=403)
        told.extend(TwilioCallsProvider.parse_callback(known, callback))
        media, word = TwilioCallsProvider.answer_callback(known, callback)
        return web.Response(text=word, content_type=media)

    app = web.Application()
    app.router.add_post("/callbacks/7/secret", take)
    async with peer.serving(app) as address:
        yield f"{address}/callbacks/7/secret", told


FATES = {
    "01": ("answered_human", ["Hello"]),
    "71": ("answered_human", ["Hello"]),
    "72": ("answered_human", ["Hello", "More"]),
    "77": ("answered_machine", ["Hello"]),
    "86": ("busy", []),
    "80": ("no_answer", []),
    "04": ("invalid_number", []),
    "03": ("declined", []),
    "53": ("congestion", []),
}


@pytest.mark.parametrize("by_key", [False, True])
def test_every_call_is_led_and_told_of(by_key: bool) -> None:
    async def scene() -> None:
        async with peer.running() as (settings, twilio):
            twilio.signs_by_key = by_key
            known = read({**settings, "shared_key": peer.SHARED_KEY})
            batch = [call(to=f"+9230012345{digits}", **CONTENT) for digits in (*FATES, "79")]
            async with listening(known) as (url, told), connected(known, callback_url=url) as provider:
                outcomes = await provider.send_batch(batch)
                assert all(isinstance(each, Accepted) for each in outcomes)
                async with asyncio.timeout(10):
                    while sum(isinstance(each, Receipt) and bool(each.reason) for each in told) < len(batch) + 1:
                        await asyncio.sleep(0.01)
            assert set(twilio.answers) == {200}
            ends = {each.address[-2:]: each for each in told if isinstance(each, Receipt) and each.reason}
            for digits, (reason, heard) in FATES.items():
                assert ends[digits].reason == reason
                assert twilio.heard.get(f"+9230012345{digits}", []) == heard
                assert (ends[digits].quantity == peer.SECONDS) is bool(heard)
            assert any(isinstance(each, Receipt) and each.suppress and each.address.endswith("79") for each in told)
            assert [each.text for each in told if isinstance(each, Inbound)] == ["I come"]
            references = {reference for each in outcomes if isinstance(each, Accepted) for reference in each.references}
            assert {each.reference for each in ends.values()} == references

    asyncio.run(asyncio.wait_for(scene(), 20))


def row(minutes: float = 1, sid: str = "CA1", **more: Any) -> dict[str, Any]:
    created = format_datetime(utc_now() - timedelta(minutes=minutes))
    return {"sid": sid, "from": "+15005550006", "direction": "outbound-api", "date_created": created, **more}


OLD = row(60, "CA0")
FULL = [row(sid=f"CA{n}", **{"from": "+1"}) for n in range(lookup.PAGE)]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([], NEVER),
        ([OLD], NEVER),
        ([row()], Accepted(("CA1",))),
        ([row(), OLD], Accepted(("CA1",))),
        ([row(status="busy")], Accepted(("CA1",))),
        ([row(**{"from": "+1"})], NEVER),
        ([row(direction="inbound")], NEVER),
        ([row(), row(sid="CA2")], lookup.OPEN),
        (FULL, lookup.OPEN),
        ([row(), *FULL[1:]], lookup.OPEN),
        ([*FULL[:-1], OLD], NEVER),
        ([row(date_created="someday")], Accepted(("CA1",))),
        ([row(sid=None)], lookup.OPEN),
        (["row"], lookup.OPEN),
        ({}, lookup.OPEN),
    ],
)
def test_a_list_counts_where_it_proves_something(rows: Any, expected: Outcome) -> None:
    sent = call(**CONTENT)._replace(message_id=MADE)
    reply = Reply(200, {}, web.json_response({"calls": rows}).body)  # type: ignore[arg-type]
    assert lookup.found(reply, sent) == expected
    again = lookup.found(reply, sent._replace(attempt=2))
    assert again == (lookup.OPEN if isinstance(expected, Accepted) else expected), "which attempt is not known"
    assert lookup.found(Reply(500, {}, b""), sent) == lookup.OPEN


@pytest.mark.parametrize("sender", ["+922135300000", "922135300000", "00922135300000", "02135300000"])
def test_a_caller_id_is_known_however_it_is_written(sender: str) -> None:
    assert check_caller(sender) is None
    sent = call(**CONTENT)._replace(message_id=MADE, sender=sender)

    def answered(shown: str | None) -> Outcome:
        return lookup.found(Reply(200, {}, json.dumps({"calls": [row(**{"from": shown})]}).encode()), sent)

    assert answered("+922135300000") == answered(None) == Accepted(("CA1",))
    assert answered("+922135300001") == answered("+92") == NEVER


def test_a_lost_answer_is_found_at_the_stand_in() -> None:
    async def scene() -> None:
        async with peer.running() as (settings, twilio), connected(settings) as provider:
            egress.allow("127.0.0.0/8")
            lost = call(to="+923001234597", **CONTENT)._replace(message_id=MADE)
            assert await provider.send_batch([lost]) == [Unknown()]
            assert await provider.lookup([lost]) == [Accepted((twilio.calls[0]["sid"],))]
            assert await provider.lookup([lost, lost]) == [lookup.OPEN] * 2
            assert await provider.lookup([call(**CONTENT)._replace(message_id=MADE)]) == [NEVER]
            assert len(twilio.calls) == 1

    asyncio.run(asyncio.wait_for(scene(), 10))
