"""Requests to a provider by HTTP: one guarded session, what it means when no answer came, and a batch over a window.

What every hosted provider needs beside its own codes. A request is sent once: whether it may be repeated is for
the outcome to say.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final

import orjson

from ..domain.outcome import ErrorClass, Outcome, Rejected, TryLater, Unknown
from ..domain.provider import Check, ConnectionLost, Submission
from ..errors import Refused
from .exchange import basic as basic
from .http import AnswerLost, EgressSession, Reply, Unreachable

UNREACHABLE: Final = TryLater(timedelta(seconds=30), ErrorClass.PROVIDER, "unreachable")
"""The outcome of a message for which no connection came about: certainly not sent."""
NOT_ALLOWED: Final = TryLater(timedelta(minutes=5), ErrorClass.CREDENTIAL, "address_not_allowed")
"""The outcome of a message whose provider stands where this site permits no requests to."""
FIRST_PAUSE: Final = timedelta(seconds=5)
LONGEST_PAUSE: Final = timedelta(minutes=15)
"""A provider's Retry-After is honoured up to this."""


class Requests:
    """Requests below `base`, at most `connections` at once; the session opens with the first of them.

    `headers` go with every request.
    """

    def __init__(
        self, base: str, *, connections: int, timeout: float, headers: Mapping[str, str] | None = None
    ) -> None:
        self.base = base.rstrip("/")
        self._headers = dict(headers or {})
        self._connections = connections
        self._timeout = timeout
        self._egress: EgressSession | None = None

    @property
    def session(self) -> EgressSession:
        """The session, opened when it is first asked for."""
        if self._egress is None:
            self._egress = EgressSession(connections=self._connections, timeout=self._timeout)
        return self._egress

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
        return await self.session.request(method, self.base + path, headers=given, body=body or None)

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

    async def check(self, *trials: Callable[[], Awaitable[tuple[bool, str]]]) -> Check:
        """Try guard, name, connection and certificate, then each trial, which says whether it went well and what
        it found.

        Closes the session if it was not open before.
        """
        was_open, is_working = self._egress is not None, True
        steps: list[str] = []
        try:
            async for step in self.session.probe(self.base):
                steps.append(step)  # noqa: PERF401 - the steps before a failure are kept
            for trial in trials:
                went_well, step = await trial()
                is_working = is_working and went_well
                steps.append(step)
        except (Refused, Unreachable) as failed:
            is_working = False
            steps.append(str(failed))
        finally:
            if not was_open:
                await self.close()
        return Check(is_working, tuple(steps))


def parse(body: bytes) -> Any:
    """Return what JSON says, read as leniently as Python's own reader does; raise ValueError for what is none.

    Half a character, which is left where a text was cut, becomes a question mark: no database would take it.
    """
    try:
        return orjson.loads(body)
    except ValueError:
        pass  # seldom; the reader below says what is wrong
    try:
        return json.loads(json.dumps(json.loads(body), ensure_ascii=False).encode(errors="replace"))
    except RecursionError:
        raise ValueError("The JSON is nested too deep.") from None


def document(reply: Reply) -> dict[str, Any]:
    """Return the JSON object of an answer, an empty one where it is none."""
    try:
        found = parse(reply.body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def retry_after(headers: Mapping[str, str]) -> timedelta:
    """Return how long a provider asks to be left alone (RFC 9110, 10.2.3): seconds or a date, at most LONGEST_PAUSE."""
    asked = headers.get("Retry-After", "").strip()
    if asked.isascii() and asked.isdigit():
        return min(timedelta(seconds=min(int(asked[:9]), 86400)), LONGEST_PAUSE)
    try:
        until = parsedate_to_datetime(asked)
    except ValueError:
        return FIRST_PAUSE
    until = until if until.tzinfo else until.replace(tzinfo=UTC)
    return min(max(until - datetime.now(UTC), timedelta()), LONGEST_PAUSE)


def outlook(outcome: Outcome) -> TryLater | None:
    """Return what awaits the messages behind one with this outcome, None if they may fare better.

    A refused account, a throttle and a dead line are no message's fault; trying the rest would only lock the
    account, annoy the provider or wait in vain.
    """
    match outcome:
        case Rejected(error=ErrorClass.CREDENTIAL):
            return TryLater(timedelta(), ErrorClass.CREDENTIAL, outcome.reason, outcome.code)
        case TryLater(error=ErrorClass.CREDENTIAL | ErrorClass.THROTTLE):
            return outcome
    return UNREACHABLE if outcome == UNREACHABLE else None


async def spread(
    batch: Sequence[Submission],
    window: int,
    handle: Callable[[Submission], Awaitable[Outcome]],
    stops: Callable[[Outcome], Outcome | None] | None = outlook,
) -> list[Outcome]:
    """Handle a batch with at most `window` at a time; return the outcomes in its order.

    Once `stops` answers an outcome with another, the messages not yet begun get that one and are spared the attempt;
    None lets each have its own.
    """
    outcomes: list[Outcome] = [Unknown()] * len(batch)
    queue = iter(enumerate(batch))
    stopped: Outcome | None = None

    async def work() -> None:
        nonlocal stopped
        for index, submission in queue:
            outcomes[index] = stopped or await handle(submission)
            stopped = stopped or (stops(outcomes[index]) if stops else None)

    async with asyncio.TaskGroup() as group:
        for _ in range(min(window, len(batch))):
            group.create_task(work())
    return outcomes
