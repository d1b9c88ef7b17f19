"""One guarded session to Twilio, what it means when no answer came, and a batch over a window."""

import asyncio
import json
from base64 import b64encode
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final

from connectpulse.core.api import (
    AnswerLost,
    ConnectionLost,
    EgressSession,
    ErrorClass,
    Outcome,
    Refused,
    Rejected,
    Reply,
    Submission,
    TryLater,
    Unknown,
    Unreachable,
)

UNREACHABLE: Final = TryLater(timedelta(seconds=30), ErrorClass.PROVIDER, "unreachable")
NOT_ALLOWED: Final = TryLater(timedelta(minutes=5), ErrorClass.CREDENTIAL, "address_not_allowed")
FIRST_PAUSE: Final = timedelta(seconds=5)
LONGEST_PAUSE: Final = timedelta(minutes=15)


class Requests:
    """Requests to `base`, at most `connections` at once; the session opens with the first of them."""

    def __init__(self, base: str, *, connections: int, timeout: float) -> None:
        self.base = base.rstrip("/")
        self._connections = connections
        self._timeout = timeout
        self._egress: EgressSession | None = None

    @property
    def session(self) -> EgressSession:
        """The session, opened when it is first asked for."""
        if self._egress is None:
            self._egress = EgressSession(connections=self._connections, timeout=self._timeout)
        return self._egress

    @property
    def is_open(self) -> bool:
        """Whether there is a session to close."""
        return self._egress is not None

    async def open(self) -> None:
        """Look the host up; raise ConnectionLost when it cannot be reached."""
        try:
            await self.session.resolve(self.base)
        except Refused as refused:
            raise ConnectionLost(ErrorClass.CREDENTIAL, str(refused)) from None
        except Unreachable as unreachable:
            raise ConnectionLost(ErrorClass.PROVIDER, str(unreachable)) from None

    async def close(self) -> None:
        """Close every connection; safe to call twice."""
        if self._egress:
            await self._egress.close()
            self._egress = None

    async def ask(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> Reply | Outcome:
        """Send one request, once; return its answer, or what became of the call where there is none."""
        try:
            return await self.session.request(method, self.base + path, headers=headers, body=body)
        except Refused:
            return NOT_ALLOWED
        except Unreachable:
            return UNREACHABLE
        except AnswerLost:
            return Unknown()


def basic(name: str, password: str) -> str:
    """Return the value of an Authorization header."""
    return "Basic " + b64encode(f"{name}:{password}".encode()).decode()


def document(reply: Reply) -> dict[str, Any]:
    """Return the JSON object of an answer, an empty one where it is none."""
    try:
        found = json.loads(reply.body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def retry_after(reply: Reply) -> timedelta:
    """Return how long Twilio asks to be left alone: seconds or a date, at most LONGEST_PAUSE."""
    asked = reply.headers.get("Retry-After", "").strip()
    if asked.isascii() and asked.isdigit():
        return min(timedelta(seconds=min(int(asked[:9]), 86400)), LONGEST_PAUSE)
    try:
        until = parsedate_to_datetime(asked)
    except ValueError:
        return FIRST_PAUSE
    until = until if until.tzinfo else until.replace(tzinfo=UTC)
    return min(max(until - datetime.now(UTC), timedelta()), LONGEST_PAUSE)


async def spread(
    batch: Sequence[Submission], window: int, handle: Callable[[Submission], Awaitable[Outcome]]
) -> list[Outcome]:
    """Handle a batch with at most `window` at a time; return the outcomes in its order.

    A refused account, a throttle and a dead line are no call's fault: calls not yet begun are spared them.
    """
    outcomes: list[Outcome] = [Unknown()] * len(batch)
    queue = iter(enumerate(batch))
    stopped: Outcome | None = None

    async def work() -> None:
        nonlocal stopped
        for index, submission in queue:
            outcomes[index] = stopped or await handle(submission)
            stopped = stopped or _outlook(outcomes[index])

    async with asyncio.TaskGroup() as group:
        for _ in range(min(window, len(batch))):
            group.create_task(work())
    return outcomes


def _outlook(outcome: Outcome) -> Outcome | None:
    """Return what awaits the calls behind one with this outcome, None if they may fare better."""
    match outcome:
        case Rejected(error=ErrorClass.CREDENTIAL):
            return TryLater(timedelta(), ErrorClass.CREDENTIAL, outcome.reason, outcome.code)
        case TryLater(error=ErrorClass.CREDENTIAL | ErrorClass.THROTTLE):
            return outcome
    return UNREACHABLE if outcome == UNREACHABLE else None
