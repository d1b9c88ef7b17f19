"""What SES publishes about a letter, in the envelope of SNS."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from connectpulse.core.api import Callback, Events, MessageState, Receipt, requests

from ..bounces.verp import token
from ..hosted.bounces import Meaning, bounced
from .codes import BOUNCES, STATES
from .signature import NOTIFICATION, read

REFERENCE: Final = "pulse_reference"
"""The tag that carries our name of a letter."""


def events(callback: Callback) -> Events:
    """Return the receipt of a request; raise ValueError if it is no envelope of SNS.

    Confirmations, events of other programs on the account, and those that tell nothing new make none.
    """
    envelope = read(callback)
    if not isinstance(envelope.get("Type"), str):
        raise ValueError("The callback is no envelope of Amazon SNS.")
    if envelope["Type"] != NOTIFICATION:
        return ()
    try:
        event = requests.parse(str(envelope.get("Message")).encode(errors="replace"))
    except ValueError:
        return ()  # SES tells in plain words when it publishes to a topic for the first time
    return _receipts(event) if isinstance(event, dict) else ()


def _receipts(event: Mapping[str, Any]) -> list[Receipt]:
    kind, mail = str(event.get("eventType")), _part(event, "mail")
    named = _part(mail, "tags").get(REFERENCE)
    reference = named[0] if isinstance(named, list) and named and isinstance(named[0], str) else ""
    meaning = _meaning(kind, event) if kind in STATES and reference else None
    if meaning is None:
        return []
    state, code, reason, is_stopped = meaning
    part = _part(event, _PARTS.get(kind, kind.lower()))
    at = _moment(part.get("timestamp")) or _moment(mail.get("timestamp"))
    address = _recipient(part, mail)
    return [Receipt(reference, state, code[:40], reason, at, address, suppress=is_stopped, token=token(reference))]


_PARTS: Final = {"DeliveryDelay": "deliveryDelay"}
"""Where an event's own facts stand, if not under its name in small letters."""


def _meaning(kind: str, event: Mapping[str, Any]) -> Meaning | None:
    """Return what an event means, None if it tells nothing."""
    state = STATES[kind]
    match kind:
        case "Bounce":
            return _bounce(_part(event, "bounce"))
        case "Complaint":
            complaint = _part(event, "complaint")
            if complaint.get("complaintFeedbackType") == "not-spam":
                return None
            is_early = complaint.get("complaintSubType") == "OnAccountSuppressionList"
            return Meaning(MessageState.UNDELIVERABLE if is_early else state, kind, "complained", True)
        case "Subscription":
            wanted = _part(_part(event, "subscription"), "newTopicPreferences")
            return Meaning(state, kind, "opted_out", True) if wanted.get("unsubscribeAll") is True else None
        case "DeliveryDelay":
            why = str(_part(event, "deliveryDelay").get("delayType") or "")
            return Meaning(state, why, "mailbox_full" if why == "MailboxFull" else "put_off")
        case "Reject":
            return Meaning(state, kind, "refused_by_policy")
        case "Rendering Failure":
            return Meaning(state, kind, "letter_malformed")
    return Meaning(state)


def _bounce(bounce: Mapping[str, Any]) -> Meaning:
    kind, subtype = str(bounce.get("bounceType")), str(bounce.get("bounceSubType"))
    status = _first(bounce.get("bouncedRecipients")).get("status")
    found = BOUNCES.get(f"{kind} {subtype}")
    if found is None and isinstance(status, str):
        return bounced(status, is_hard=kind == "Permanent")
    state, reason, is_stopped = found or BOUNCES.get(kind) or BOUNCES["Undetermined"]
    code = status if isinstance(status, str) else f"{kind} {subtype}"
    return Meaning(state, code, reason, is_stopped)


def _recipient(part: Mapping[str, Any], mail: Mapping[str, Any]) -> str:
    for name in ("bouncedRecipients", "complainedRecipients", "delayedRecipients"):
        address = _first(part.get(name)).get("emailAddress")
        if isinstance(address, str):
            return address[:300]
    named = mail.get("destination")
    return named[0][:300] if isinstance(named, list) and len(named) == 1 and isinstance(named[0], str) else ""


def _part(event: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = event.get(name)
    return found if isinstance(found, dict) else {}


def _first(found: Any) -> Mapping[str, Any]:
    return found[0] if isinstance(found, list) and found and isinstance(found[0], dict) else {}


def _moment(stamp: Any) -> datetime | None:
    try:
        at = datetime.fromisoformat(str(stamp))
    except ValueError:
        return None
    return at.astimezone(UTC) if at.tzinfo is not None else None
