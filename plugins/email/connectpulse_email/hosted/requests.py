"""One guarded session to a hosted provider, and what it means when no answer came."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final, NamedTuple

from connectpulse.core.api import (
    AnswerLost,
    ConnectionLost,
    EgressSession,
    ErrorClass,
    Outcome,
    Refused,
    Reply,
    TryLater,
    Unknown,
    Unreachable,
)

UNREACHABLE: Final = TryLater(timedelta(seconds=30), ErrorClass.PROVIDER, "unreachable")
NOT_ALLOWED: Final = TryLater(timedelta(minutes=5), ErrorClass.CREDENTIAL, "address_not_allowed")
FIRST_PAUSE: Final = timedelta(seconds=5)
LONGEST_PAUSE: Final = timedelta(minutes=15)
"""A provider's Retry-After is honoured up to this."""


class Ask(NamedTuple):
    """A request: `path` is encoded and begins with a slash."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = b""


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

    async def ask(self, ask: Ask) -> Reply | Outcome:
        """Send one request, once; return its answer, or what became of the letter where there is none."""
        try:
            return await self.session.request(
                ask.method, self.base + ask.path, headers=ask.headers, body=ask.body or None
            )
        except Refused:
            return NOT_ALLOWED
        except Unreachable:
            return UNREACHABLE
        except AnswerLost:
            return Unknown()


def document(reply: Reply) -> dict[str, Any]:
    """Return the JSON object of an answer, an empty one where it is none."""
    try:
        found = json.loads(reply.body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def retry_after(reply: Reply) -> timedelta:
    """Return how long a provider asks to be left alone, at most LONGEST_PAUSE: seconds or a date."""
    asked = reply.headers.get("Retry-After", "").strip()
    if asked.isascii() and asked.isdigit():
        return min(timedelta(seconds=min(int(asked[:9]), 86400)), LONGEST_PAUSE)
    try:
        until = parsedate_to_datetime(asked)
    except ValueError:
        return FIRST_PAUSE
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return min(max(until - datetime.now(UTC), timedelta()), LONGEST_PAUSE)


def unproven(reply: Reply) -> Unknown | None:
    """Return Unknown for an answer that proves neither that a letter was taken nor that it was refused."""
    if reply.status >= 500:
        return Unknown("provider_failed", str(reply.status))
    if 300 <= reply.status < 400:
        return Unknown("redirected", str(reply.status))
    return None
