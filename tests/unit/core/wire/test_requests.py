"""Requests to hosted providers: what silence means, and whom an answer spares the attempt."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from connectpulse.core.domain.outcome import Accepted, ErrorClass, Outcome, Rejected, TryLater
from connectpulse.core.domain.provider import Submission
from connectpulse.core.errors import Refused
from connectpulse.core.wire import requests
from connectpulse.core.wire.http import AnswerLost, Unreachable

BATCH = [Submission(n, f"+92300000000{n}", "ACME", "Hello", 1, timedelta(hours=1), f"t{n}") for n in range(4)]
FINE = Accepted(("1",))
LOCKED = Rejected("locked", ErrorClass.CREDENTIAL, "20003")
SLOW = TryLater(timedelta(seconds=9), ErrorClass.THROTTLE, "throttled")
BAD = Rejected("invalid_recipient", ErrorClass.RECIPIENT)


@pytest.mark.parametrize(
    ("second", "others"),
    [
        (BAD, FINE),
        (SLOW, SLOW),
        (requests.UNREACHABLE, requests.UNREACHABLE),
        (LOCKED, TryLater(timedelta(), ErrorClass.CREDENTIAL, "locked", "20003")),
    ],
)
def test_what_is_no_messages_fault_spares_the_rest(second: Outcome, others: Outcome) -> None:
    asked: list[int] = []

    async def handle(submission: Submission) -> Outcome:
        asked.append(submission.message_id)
        return second if submission.message_id == 1 else FINE

    outcomes = asyncio.run(requests.spread(BATCH, 1, handle))
    assert outcomes == [FINE, second, others, others]
    assert len(asked) == (4 if others is FINE else 2)
    asked.clear()
    assert asyncio.run(requests.spread(BATCH, 1, handle, stops=None)) == [FINE, second, FINE, FINE]
    assert asked == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("raised", "outcome"),
    [
        (Refused("not there"), requests.NOT_ALLOWED),
        (Unreachable("no route"), requests.UNREACHABLE),
        (AnswerLost("cut"), requests.Unknown()),
    ],
)
def test_no_answer_is_an_outcome(monkeypatch: pytest.MonkeyPatch, raised: Exception, outcome: Outcome) -> None:
    async def scene() -> Any:
        made = requests.Requests("https://api.example/", connections=1, timeout=1, headers={"Accept": "a"})

        async def request(method: str, url: str, *, headers: Any, body: Any) -> Any:
            assert (method, url, headers, body) == ("POST", "https://api.example/x", {"Accept": "a", "B": "b"}, None)
            raise raised

        monkeypatch.setattr(made.session, "request", request)
        try:
            return await made.ask("POST", "/x", {"B": "b"}, b"")
        finally:
            await made.close()
            await made.close()

    assert asyncio.run(scene()) == outcome
