"""What Vonage calls back: states of messages, and what people write, in the words of either interface.

Fields come in the query, as a form or as a document, as the account is set up.
"""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

from connectpulse.core.api import Callback, ErrorClass, Events, Inbound, MessageState, Receipt, requests

from .answers import code_of
from .codes import MESSAGES_ERRORS, SMS_RECEIPTS, STATES, SUPPRESSED

_NUMBER = re.compile(r"[1-9]\d{8,14}")


def fields(callback: Callback) -> list[tuple[str, str]]:
    """Return the plain fields of a callback wherever they are; raise ValueError if they cannot be read."""
    return [*callback.query, *_posted(callback)]


def of_sms(callback: Callback) -> Events:
    """Return the event of a callback of the SMS API; raise ValueError if it makes no sense."""
    found = dict(fields(callback))
    reference = found.get("messageId") or found.get("message-id") or ""
    if "status" in found:
        code = found.get("err-code", "")
        number = found.get("msisdn", "")
        error = SMS_RECEIPTS.get(code)
        at = _time(found.get("message-timestamp"))
        about = _receipt(found["status"], reference, code, error, number, at)
        return [about._replace(token=found.get("client-ref", ""))]
    if "text" in found and found.get("msisdn") and found.get("to"):
        at = _time(found.get("message-timestamp"))
        return [Inbound(_read(found["msisdn"]), _read(found["to"]), found["text"], reference, at)]
    raise ValueError("The callback holds neither the status of a message nor a text.")


def of_messages(callback: Callback) -> Events:
    """Return the event of a callback of the Messages API; raise ValueError if it makes no sense."""
    found = _document(callback)
    reference, sender, to = (str(found.get(name) or "") for name in ("message_uuid", "from", "to"))
    at = _time(found.get("timestamp"))
    if isinstance(found.get("status"), str):
        problem = found.get("error")
        code = code_of(problem) if isinstance(problem, dict) else ""
        about = _receipt(found["status"], reference, code, MESSAGES_ERRORS.get(code), to, at)
        parts = _parts(found)  # without them, our name for it would be taken for that of its first part
        token = str(found.get("client_ref") or "") if parts else ""
        return [about._replace(quantity=parts, suppress=code in SUPPRESSED, token=token)]
    if found.get("message_type") == "text" and sender and to:
        return [Inbound(_read(sender), _read(to), str(found.get("text") or ""), reference, at)]
    raise ValueError("The callback holds neither the status of a message nor a text.")


def _receipt(
    status: str, reference: str, code: str, error: tuple[ErrorClass, str] | None, to: str, at: datetime | None
) -> Receipt:
    state = STATES.get(status.lower())
    if state is None:
        raise ValueError(f"The status {status[:40]!r} is not one we know.")
    if not reference:
        raise ValueError("The callback reports a status without the id of a message.")
    if not MessageState.EXPIRED <= state < MessageState.DELIVERED:
        return Receipt(reference, state, occurred_at=at, address=_read(to))
    if error and state is MessageState.UNDELIVERABLE:
        state = error[0].state
    code = code[:40] if code not in ("", "0") else status[:40]
    return Receipt(reference, state, code, error[1] if error else "", at, _read(to))


def _posted(callback: Callback) -> list[tuple[str, str]]:
    if not callback.body:
        return []
    names = (value for name, value in callback.headers.items() if name.lower() == "content-type")
    kind = next(names, "").partition(";")[0].strip().lower()
    if kind == "application/json":
        return [(name, _plain(value)) for name, value in _document(callback).items() if value is not None]
    if kind != "application/x-www-form-urlencoded":
        raise ValueError("The callback does not say what its body is.")
    return parse_qsl(callback.body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=200)


def _document(callback: Callback) -> dict[str, Any]:
    found = requests.parse(callback.body)
    if not isinstance(found, dict):
        raise ValueError("The callback is no JSON object.")
    return found


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _parts(found: Mapping[str, Any]) -> int | None:
    sms = found.get("sms")
    count = str(sms.get("count_total") or "") if isinstance(sms, dict) else ""
    return int(count[:4]) or None if count.isascii() and count.isdigit() else None


def _read(number: str) -> str:
    """Return a number as E.164; leave what is none, like a short code or a name, unchanged."""
    return f"+{number}" if _NUMBER.fullmatch(number) else number


def _time(text: Any) -> datetime | None:
    """Return the instant, None if it cannot be read: a receipt is worth more than its time."""
    try:
        moment = datetime.fromisoformat(str(text or ""))
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
