"""Gateways that hand out a session: log in once, share it, and renew it when it is old or refused."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from connectpulse.core.api import ErrorClass, Outcome, Rejected, TryLater, requests

from .answer import Answer, Condition, Extractor, conditions, extractor
from .call import Call, login_call
from .verdict import Judge, Verdict

Ask = Callable[[Call, Mapping[str, str]], Awaitable[Answer | Outcome]]
"""Sends a call; returns the answer, or the outcome of a request that got none."""


class NotLoggedIn(Exception):
    """No session could be had; `outcome` is what that means for a message that needed one."""

    def __init__(self, outcome: Rejected | TryLater) -> None:
        super().__init__(outcome.reason)
        self.outcome = outcome


@dataclass(frozen=True, slots=True)
class LoginRules:
    """How to log in, how to find the session in the answer, and how many seconds it is good for."""

    call: Call
    is_success: Condition
    find_session: Extractor
    seconds: float

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> "LoginRules | None":
        """Return the rules of a connection, None if it needs no login; raise Refused if malformed."""
        call = login_call(settings)
        if call is None:
            return None
        return cls(
            call,
            conditions(settings["login_success"] or "", "Login success"),
            extractor(settings["login_session"] or "", "Where the session is"),
            settings["login_minutes"] * 60,
        )


class Login:
    """The session of one connection. However many messages wait for it, one login is under way."""

    def __init__(self, rules: LoginRules, judge: Judge, credentials: Mapping[str, str], ask: Ask) -> None:
        self._rules = rules
        self._judge = judge
        self._credentials = credentials
        self._ask = ask
        self._session = ""
        self._expires_at = 0.0
        self._renewal: asyncio.Task[str] | None = None

    async def session(self) -> str:
        """Return a session that is still good; raise NotLoggedIn if none is given."""
        if self._session and asyncio.get_running_loop().time() < self._expires_at:
            return self._session
        if self._renewal is None or self._renewal.done():
            self._renewal = asyncio.create_task(self._renew())
        return await asyncio.shield(self._renewal)

    def forget(self, session: str) -> None:
        """Give up `session`, which the gateway refused; a newer one is kept."""
        if session == self._session:
            self._session = ""

    async def close(self) -> None:
        """End a login that is under way."""
        if self._renewal and not self._renewal.done():
            self._renewal.cancel()
            await asyncio.wait([self._renewal])

    async def _renew(self) -> str:
        started_at = asyncio.get_running_loop().time()
        answer = await self._ask(self._rules.call, self._credentials)
        if not isinstance(answer, Answer):
            raise NotLoggedIn(_certainly_unsent(answer))
        session = (self._rules.find_session(answer) or "").strip()
        if not (self._rules.is_success(answer) and session):
            raise NotLoggedIn(_certainly_unsent(self._judge.failure(answer)))
        self._session, self._expires_at = session, started_at + self._rules.seconds
        return session


def _certainly_unsent(outcome: Verdict) -> Rejected | TryLater:
    """Return what a failed login means for a message: nothing was sent, so it may go again."""
    if isinstance(outcome, Rejected | TryLater):
        return outcome
    return TryLater(requests.FIRST_PAUSE, ErrorClass.PROVIDER, "login_failed")
