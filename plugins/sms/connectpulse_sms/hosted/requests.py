"""One guarded session to a hosted provider, and what it means when no answer came."""

import json
from base64 import b64encode
from collections.abc import Mapping
from typing import Any

from connectpulse.core.api import (
    AnswerLost,
    ConnectionLost,
    EgressSession,
    ErrorClass,
    Outcome,
    Refused,
    Reply,
    Unknown,
    Unreachable,
)

from ..gateway.verdict import NOT_ALLOWED, UNREACHABLE


class Requests:
    """Requests to `base`, at most `connections` at once; the session opens with the first of them."""

    def __init__(self, base: str, *, connections: int, timeout: float) -> None:
        self._base = base.rstrip("/")
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
    def base(self) -> str:
        """The address requests go to, without a slash at its end."""
        return self._base

    @property
    def is_open(self) -> bool:
        """Whether there is a session to close."""
        return self._egress is not None

    async def open(self) -> None:
        """Look the host up; raise ConnectionLost when it cannot be reached."""
        try:
            await self.session.resolve(self._base)
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
        """Send one request, once; return its answer, or what became of the message where there is none."""
        try:
            return await self.session.request(method, self._base + path, headers=headers, body=body)
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
