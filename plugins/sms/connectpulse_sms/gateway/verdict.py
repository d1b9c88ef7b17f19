"""From a gateway's answer to an outcome: its own error table, then its word for success, then HTTP's.

What none of them covers is Unknown. An answer nobody understands is no proof that nothing was sent.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final

from connectpulse.core.api import (
    Accepted,
    Ambiguity,
    ErrorClass,
    Outcome,
    Refused,
    Rejected,
    TryLater,
    Unknown,
    requests,
)

from .answer import Answer, Condition, Extractor, conditions, extractor

Settings = Mapping[str, Any]

HTTP_ERRORS: Final[Mapping[str, tuple[ErrorClass, str]]] = {
    "400": (ErrorClass.CONTENT, "request_refused"),
    "401": (ErrorClass.CREDENTIAL, "credentials_refused"),
    "402": (ErrorClass.CREDENTIAL, "balance_exhausted"),
    "403": (ErrorClass.CREDENTIAL, "credentials_refused"),
    "404": (ErrorClass.CONTENT, "request_refused"),
    "422": (ErrorClass.CONTENT, "request_refused"),
    "429": (ErrorClass.THROTTLE, "too_fast"),
}
"""What HTTP itself says for certain. Other statuses leave open whether the message was taken."""

_REASON = re.compile(r"[a-z][a-z0-9_]{0,62}")
_ROW_KEYS = frozenset({"when", "class", "reason", "action", "after"})


@dataclass(frozen=True, slots=True)
class SessionEnded:
    """The gateway wants a new login before it takes the message."""


Refusal = Rejected | TryLater | Unknown
Verdict = Outcome | SessionEnded
_Row = tuple[Condition, Refusal | SessionEnded]


@dataclass(frozen=True, slots=True)
class Judge:
    """Everything a connection's settings say about reading an answer."""

    rows: tuple[_Row, ...]
    is_success: Condition
    find_id: Extractor | None
    find_parts: Extractor | None
    find_code: Extractor | None
    is_idempotent: bool

    @classmethod
    def of(cls, settings: Settings) -> "Judge":
        """Return the judge of a connection; raise Refused for an expression or a row that is malformed."""

        def optional(name: str, label: str) -> Extractor | None:
            return extractor(settings[name], label) if settings[name] else None

        return cls(
            rows=error_table(settings["errors"]),
            is_success=conditions(settings["success"] or "", "Success"),
            find_id=optional("message_id", "Message id"),
            find_parts=optional("billed_parts", "Billed parts"),
            find_code=optional("error_code", "Error code"),
            is_idempotent=settings["ambiguity"] == Ambiguity.IDEMPOTENT,
        )

    def judge(self, answer: Answer, token: str) -> Verdict:
        """Return what became of the message we call `token`."""
        verdict = self._by_row(answer)
        if verdict is None and self.is_success(answer):
            return Accepted((self._id(answer) or token,), self._parts(answer))
        return verdict or self._coded(self._by_status(answer), answer)

    def failure(self, answer: Answer) -> Refusal | SessionEnded:
        """Return what an answer means that is known to be no success, such as a refused login."""
        return self._by_row(answer) or self._coded(self._by_status(answer), answer)

    def lost(self, reason: str = "answer_lost") -> TryLater | Unknown:
        """Return the outcome of a message that may have been taken."""
        if self.is_idempotent:
            return TryLater(requests.FIRST_PAUSE, ErrorClass.PROVIDER, reason)
        return Unknown(reason)

    def _by_row(self, answer: Answer) -> Refusal | SessionEnded | None:
        for holds, verdict in self.rows:
            if holds(answer):
                return verdict if isinstance(verdict, SessionEnded) else self._coded(verdict, answer)
        return None

    def _by_status(self, answer: Answer) -> Refusal:
        error, reason = HTTP_ERRORS.get(str(answer.status), (None, ""))
        if error is ErrorClass.THROTTLE:
            return TryLater(requests.retry_after(answer.headers), error, reason)
        if error:
            return Rejected(reason, error)
        if answer.status < 300:
            return self.lost("answer_not_understood")
        return self.lost("redirected" if answer.status < 400 else "gateway_failed")

    def _coded(self, outcome: Refusal, answer: Answer) -> Refusal:
        code = (self.find_code(answer) if self.find_code else None) or str(answer.status)
        return replace(outcome, code=code[:64])

    def _id(self, answer: Answer) -> str:
        return ((self.find_id(answer) if self.find_id else None) or "").strip()

    def _parts(self, answer: Answer) -> int | None:
        parts = self.find_parts(answer) if self.find_parts else None
        return int(parts) if parts and parts.isascii() and parts.isdigit() else None


def error_table(rows: Any) -> tuple[_Row, ...]:
    """Return the rows of an error table, each a condition and what it means.

    A row is {"when": conditions, "class": whose fault, "reason": our word, "action": what to do}.
    Actions: `fail` (the default), `suppress` the recipient too, `retry` in "after" seconds, `unknown`,
    `login` again and repeat. Raises Refused naming each malformed row by its number.
    """
    if not isinstance(rows or [], list):
        raise Refused("Error table: must be a list of rows, like [{…}, {…}].")
    table: list[_Row] = []
    faults: list[str] = []
    for number, row in enumerate(rows or [], start=1):
        try:
            table.append(_row(row, f"Error table, row {number}"))
        except Refused as refused:
            faults += refused.problems
    if faults:
        raise Refused(*faults)
    return tuple(table)


def _row(row: Any, label: str) -> _Row:
    if not isinstance(row, dict) or not isinstance(row.get("when"), str):
        raise Refused(f'{label}: must have a condition, like {{"when": "status: 503", …}}.')
    if unknown := sorted(set(row) - _ROW_KEYS):
        raise Refused(f"{label}: {unknown[0]!r} is not one of {', '.join(sorted(_ROW_KEYS))}.")
    when = conditions(row["when"], label)
    action = row.get("action", "fail")
    reason = str(row.get("reason", "gateway_refused"))
    if action not in _ACTIONS:
        raise Refused(f"{label}: action {action!r} is not one of {', '.join(_ACTIONS)}.")
    if not _REASON.fullmatch(reason):
        raise Refused(f"{label}: reason {reason[:40]!r} must be written like_this.")
    if action in ("unknown", "login"):
        return when, SessionEnded() if action == "login" else Unknown(reason)
    try:
        error = ErrorClass(row.get("class", ""))
    except ValueError:
        raise Refused(f"{label}: class must be one of {', '.join(ErrorClass)}.") from None
    after = row.get("after", 5)
    if not isinstance(after, int) or not 0 <= after <= 86400:
        raise Refused(f"{label}: after must be a number of seconds up to 86400.")
    return when, _ACTIONS[action](reason, error, after)


_ACTIONS: Mapping[str, Callable[[str, ErrorClass, int], Refusal]] = {
    "fail": lambda reason, error, after: Rejected(reason, error),
    "suppress": lambda reason, error, after: Rejected(reason, error, suppress=True),
    "retry": lambda reason, error, after: TryLater(timedelta(seconds=after), error, reason),
    "unknown": lambda reason, error, after: Unknown(reason),
    "login": lambda reason, error, after: Unknown(reason),
}
