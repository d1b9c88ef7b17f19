"""What Meta's webhooks tell: states of messages, what people write, and words on templates and people.

One request holds many changes, each of one field. A change nobody here listens to is passed over, and so is
one that is malformed among others: what is told beside it still counts. Meta calls one address for all numbers of an
app: what concerns a number of others, the states of its messages too, is none of ours.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import timedelta
from typing import Any, Final

import structlog

from connectpulse.core.api import ErrorClass, Events, Receipt, requests

from ..form import AUTHENTICATION, MARKETING, UTILITY
from .codes import AGAIN, CAP_PASSES, MARKETING_CAP, PAIR_RATE, PAUSES, STATES, STOPPED, meaning, pair_pause
from .inbound import inbound
from .people import preferences, user_ids
from .reading import address, moment, number_id, rows
from .template_words import category, quality, status

log = structlog.get_logger(__name__)

Value = Mapping[str, Any]


def events(body: bytes, number_ids: Collection[str]) -> Events:
    """Return the events of a request's body about our numbers; raise ValueError if it is none of Meta's."""
    told = requests.parse(body)
    entries = told.get("entry") if isinstance(told, dict) else None
    if not isinstance(entries, list):
        raise ValueError("The callback holds no entries.")
    found: list[Any] = []
    foreign = 0
    for field, value in _changes(entries):
        if field in _OF_NUMBERS and number_id(value) not in number_ids:
            foreign += 1
        elif read := _FIELDS.get(field):
            found += read(value)
    if foreign:
        log.info("changes_of_other_numbers", count=foreign)
    return found


def _changes(entries: list[Any]) -> Iterator[tuple[str, Value]]:
    for entry in entries:
        changes = entry.get("changes") if isinstance(entry, dict) else None
        for change in changes if isinstance(changes, list) else ():
            if isinstance(change, dict) and isinstance(change.get("value"), dict):
                yield str(change.get("field")), change["value"]


def _messages(value: Value) -> list[Any]:
    found: list[Any] = [receipt for each in rows(value, "statuses") if (receipt := _receipt(each))]
    return found + inbound(value)


def _receipt(status: Mapping[str, Any]) -> Receipt | None:
    state, reference = STATES.get(str(status.get("status"))), status.get("id")
    if state is None or not isinstance(reference, str) or not reference:
        return None
    token, _, attempt = str(status.get("biz_opaque_callback_data") or "").partition(".")
    quantity = _quantity(status.get("pricing"))
    code, reason, is_stop = "", "", False
    again: timedelta | None = None
    if status.get("status") == "failed":
        code = _code(status)
        error, reason = meaning(code) or (None, "failed")
        state = error.state if error else state
        is_stop = code == STOPPED
        again = _again(code, error, _number(attempt)) if error else None
    return Receipt(
        reference,
        state,
        code,
        reason,
        occurred_at=moment(status.get("timestamp")),
        address=address(status.get("recipient_id") or status.get("recipient_user_id")),
        quantity=quantity,
        suppress=is_stop,
        again=again,
        token=token,
        category=_billed_as(status["pricing"]) if quantity else "",
    )


def _again(code: str, error: ErrorClass, attempt: int) -> timedelta | None:
    """Return after what while a message that failed is tried once more, None where that would be in vain.

    Without our token nobody knows how often it was tried, and the limit of a person counts as tried already.
    """
    if code == MARKETING_CAP:
        return CAP_PASSES if attempt == 1 else None
    if code == PAIR_RATE:
        return pair_pause(attempt)
    if error is ErrorClass.THROTTLE:
        return PAUSES.get(code, AGAIN)
    return AGAIN if error is ErrorClass.PROVIDER else None


def _number(attempt: str) -> int:
    return int(attempt) if attempt.isascii() and attempt.isdigit() else 2


def _code(status: Mapping[str, Any]) -> str:
    errors = rows(status, "errors")
    return str(errors[0].get("code", ""))[:20] if errors else ""


def _quantity(pricing: Any) -> int | None:
    """Return 0 for a message that is free, 1 for one that is billed, None where nothing is said."""
    billable = pricing.get("billable") if isinstance(pricing, dict) else None
    return int(billable) if isinstance(billable, bool) else None


def _billed_as(pricing: Mapping[str, Any]) -> str:
    """Return which of our categories Meta bills a message as, empty for one that is unknown."""
    return _CATEGORIES.get(str(pricing.get("category")).lower(), "")


_CATEGORIES: Final[Mapping[str, str]] = {
    MARKETING: MARKETING,
    "marketing_lite": MARKETING,  # over Marketing Messages
    UTILITY: UTILITY,
    AUTHENTICATION: AUTHENTICATION,
    "authentication_international": AUTHENTICATION,  # what is dearer abroad is dearer by its destination
}
"""Meta's categories of pricing by the ones that templates and rates have. Source: Cloud API, pricing, v23.0."""


_OF_NUMBERS: Final[Mapping[str, Callable[[Value], list[Any]]]] = {
    "messages": _messages,
    "user_preferences": preferences,
    "user_id_update": user_ids,
}
"""What is told about one number, which the change names."""

_FIELDS: Final[Mapping[str, Callable[[Value], list[Any]]]] = {
    **_OF_NUMBERS,
    "message_template_status_update": status,
    "message_template_quality_update": quality,
    "template_category_update": category,
}
