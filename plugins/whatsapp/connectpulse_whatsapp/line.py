"""One guarded session to a provider, what it means when no answer came, and a batch spread over it."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from typing import Final

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


class Line:
    """Requests below `base`, at most `connections` at once; the session opens with the first of them."""

    def __init__(self, base: str, authorization: str, *, connections: int, timeout: float) -> None:
        self.base = base.rstrip("/")
        self._headers = {"Authorization": authorization, "Content-Type": "application/json"}
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

    async def request(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> Reply:
        """Send one request, once; return its answer. Raises Refused, Unreachable or AnswerLost without one."""
        given = {**self._headers, **headers} if headers else self._headers
        return await self.session.request(method, self.base + path, headers=given, body=body)

    async def ask(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> Reply | Outcome:
        """Send one request, once; return its answer, or what became of the message where there is none."""
        try:
            return await self.request(method, path, headers, body)
        except Refused:
            return NOT_ALLOWED
        except Unreachable:
            return UNREACHABLE
        except AnswerLost:
            return Unknown()


def outlook(outcome: Outcome) -> TryLater | None:
    """Return what awaits the messages behind one with this outcome, None if they may fare better.

    A refused account, a throttle and a dead line are no message's fault; trying the rest would annoy the
    provider or wait in vain.
    """
    match outcome:
        case Rejected(error=ErrorClass.CREDENTIAL):
            return TryLater(timedelta(), ErrorClass.CREDENTIAL, outcome.reason, outcome.code)
        case TryLater(error=ErrorClass.CREDENTIAL | ErrorClass.THROTTLE):
            return outcome
    return UNREACHABLE if outcome == UNREACHABLE else None


async def spread(
    batch: Sequence[Submission], window: int, handle: Callable[[Submission], Awaitable[Outcome]]
) -> list[Outcome]:
    """Handle a batch with at most `window` at a time; return the outcomes in its order.

    Once one of them leaves no hope for the others, the messages not yet begun are spared the attempt.
    """
    outcomes: list[Outcome] = [Unknown()] * len(batch)
    queue = iter(enumerate(batch))
    stopped: Outcome | None = None

    async def work() -> None:
        nonlocal stopped
        for index, submission in queue:
            outcomes[index] = stopped or await handle(submission)
            stopped = stopped or outlook(outcomes[index])

    async with asyncio.TaskGroup() as group:
        for _ in range(min(window, len(batch))):
            group.create_task(work())
    return outcomes
