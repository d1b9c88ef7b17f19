"""Messages whose answer was lost: asked about, and settled only by what proves something."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from connectpulse_sms.twilio import TwilioProvider, lookup, peer
from hosted_scene import connected, message, saying

from connectpulse.core.api import Accepted, ErrorClass, Outcome, Submission, TryLater, Unknown, id_at
from connectpulse.core.wire import egress

NOW = datetime.now(UTC)
MADE = id_at(NOW - timedelta(minutes=10))
NEVER = TryLater(timedelta(), ErrorClass.PROVIDER, "not_received")
OPEN = Unknown("not_found_out")


def row(body: str = "hello", minutes: float = 9, sid: str = "SM1", **more: Any) -> dict[str, Any]:
    created = format_datetime(NOW - timedelta(minutes=minutes))
    return {"sid": sid, "body": body, "direction": "outbound-api", "date_created": created, "num_segments": "1", **more}


OLD = row(minutes=60, sid="SM0")
FULL = [row(f"other {n}", sid=f"SM{n}") for n in range(lookup.PAGE)]


def ask(rows: Any, batch: list[Submission] | None = None, status: int = 200) -> list[Outcome]:
    async def scene() -> list[Outcome]:
        answer = saying(json.dumps({"messages": rows}) if rows is not None else "nonsense", status)
        async with connected(TwilioProvider, peer.settings(), answer) as provider:
            return await provider.lookup(batch or [message(message_id=MADE)])

    return asyncio.run(asyncio.wait_for(scene(), 10))


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([row()], Accepted(("SM1",), 1)),
        ([row("Sent from your Twilio trial account - hello")], Accepted(("SM1",), 1)),
        ([row(), OLD], Accepted(("SM1",), 1)),
        ([row(status="failed")], Accepted(("SM1",), 1)),
        ([], NEVER),
        ([OLD], NEVER),
        ([row("other")], NEVER),
        ([row("say hello")], NEVER),
        ([row(direction="inbound")], NEVER),
        ([*FULL[:-1], OLD], NEVER),
        (FULL, OPEN),
        ([row(), *FULL[1:]], OPEN),
        ([row(), row(sid="SM2")], OPEN),
        ([row("")], OPEN),
        ([row(date_created="someday")], Accepted(("SM1",), 1)),
        ([row("x", date_created=None)], NEVER),
        (["row"], OPEN),
        ({}, OPEN),
        (None, OPEN),
    ],
)
def test_an_answer_counts_where_it_proves_something(rows: Any, expected: Outcome) -> None:
    assert ask(rows) == [expected]


def test_an_answer_that_is_refused_proves_nothing() -> None:
    assert ask([], status=500) == [OPEN]
    assert ask([], status=401) == [OPEN]


def test_two_of_the_same_text_tell_nothing() -> None:
    alike = [message(message_id=MADE, token="1"), message(message_id=MADE + 1, token="2")]
    other = message("other", message_id=MADE + 2, token="3")
    assert ask([], [*alike, other]) == [OPEN, OPEN, NEVER]


def test_a_lost_answer_is_found_at_the_stand_in() -> None:
    async def scene() -> None:
        egress.allow("127.0.0.0/8")
        async with peer.running() as (settings, twilio), connected(TwilioProvider, settings) as provider:
            lost = message(to="+923001234597", message_id=MADE)
            egress.allow("127.0.0.0/8")
            assert await provider.send_batch([lost]) == [Unknown()]
            assert await provider.lookup([lost]) == [Accepted((twilio.messages[0]["sid"],), 1)]
            assert await provider.lookup([message(message_id=MADE)]) == [NEVER]
            assert len(twilio.messages) == 1

    asyncio.run(asyncio.wait_for(scene(), 10))
