"""What a gateway may be asked without sending: what became of a message, and whether it is well."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from connectpulse.core.api import Accepted, Ambiguity, ErrorClass, Outcome, Refused, TryLater, Unknown

from .answer import Answer, Condition, Extractor, conditions, extractor
from .call import MESSAGE, Call, question

Settings = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Lookup:
    """The status query of a gateway that finds a message by our reference."""

    call: Call
    is_found: Condition
    is_missing: Condition
    find_id: Extractor | None

    @classmethod
    def of(cls, settings: Settings) -> "Lookup | None":
        """Return the query of a connection, None if it has none; raise Refused if it is malformed."""
        if settings["ambiguity"] != Ambiguity.LOOKUP:
            return None
        call = question(settings, "lookup", MESSAGE)
        if call is None or "reference" not in call.names:
            raise Refused("Status query: must have a path or query with {reference} to ask by.")
        id_path = settings["lookup_id"]
        return cls(
            call,
            conditions(settings["lookup_found"] or "", "The gateway has it"),
            conditions(settings["lookup_missing"] or "", "The gateway never had it"),
            extractor(id_path, "Status query, message id") if id_path else None,
        )

    def outcome(self, answer: Answer, token: str) -> Outcome:
        """Return what became of the message: taken, never seen and so safe to send again, or unknown."""
        if self.is_found(answer):
            found = self.find_id(answer) if self.find_id else None
            return Accepted(((found or "").strip() or token,))
        if self.is_missing(answer):
            return TryLater(timedelta(), ErrorClass.PROVIDER, "not_received")
        return Unknown("answer_not_understood", str(answer.status))


@dataclass(frozen=True, slots=True)
class Ping:
    """A request that shows whether the gateway is well and the credentials hold, free of charge."""

    call: Call
    is_success: Condition
    find_balance: Extractor | None

    @classmethod
    def of(cls, settings: Settings) -> "Ping | None":
        """Return the request of a connection, None if it has none; raise Refused if it is malformed."""
        call = question(settings, "check")
        if call is None:
            return None
        balance = settings["check_balance"]
        return cls(
            call,
            conditions(settings["check_success"] or "", "Check, success"),
            extractor(balance, "Where the balance is") if balance else None,
        )

    def sentence(self, answer: Answer) -> str | None:
        """Return what a good answer says in plain words, None if it is not good."""
        if not self.is_success(answer):
            return None
        balance = (self.find_balance(answer) or "").strip() if self.find_balance else ""
        return "The gateway answers as it should." + (f" Balance: {balance[:40]}." if balance else "")
