"""What a gateway calls back: delivery receipts and incoming messages, by a table of field names.

Nothing a gateway of this kind sends is signed, so the address itself is the secret: it carries a token
that is compared in constant time, and may be limited to the networks the gateway calls from.
"""

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from connectpulse.core.api import Callback, Inbound, MessageState, Receipt, Refused

from .answer import first_group, regex
from .documents import json_path, xml_path
from .fields import Look, items, recoded
from .numbering import Numbering

Settings = Mapping[str, Any]
TOKEN: Final = "token"  # noqa: S105 - the name of the parameter
STATES: Final[Mapping[str, MessageState | None]] = {
    state.label: state
    for state in (
        MessageState.ACCEPTED,
        MessageState.SENT,
        MessageState.DELIVERED,
        MessageState.READ,
        MessageState.UNDELIVERABLE,
        MessageState.REJECTED,
        MessageState.FAILED,
        MessageState.EXPIRED,
    )
} | {"ignore": None}

_URL_SAFE = re.compile(r"[A-Za-z0-9_-]{16,128}")
_UTF8 = frozenset({"", "utf-8", "utf8", "us-ascii", "ascii", "gsm"})  # Kannel writes GSM texts in UTF-8
_PICK = re.compile(r"\s+~\s+")


def is_genuine(settings: Settings, callback: Callback) -> bool:
    """Return whether a callback carries the connection's secret and comes from where it may."""
    secret = (settings["callback_token"] or "").encode()
    given = [value.encode("utf-8", "replace") for name, value in callback.query if name == TOKEN]
    is_known = len(given) == 1 and hmac.compare_digest(given[0], secret)
    return bool(secret) and is_known and _comes_from(settings["callback_sources"], callback)


def _comes_from(networks: str | None, callback: Callback) -> bool:
    """Return whether the caller's address, where the house tells it, is in one of `networks`."""
    if not networks:
        return True
    try:
        source = ip_address(getattr(callback, "source", ""))
    except ValueError:
        return False
    return any(source in network for network in _networks(networks))


def _networks(text: str) -> list[Any]:
    return [ip_network(block, strict=False) for block in re.split(r"[\s,]+", text.strip()) if block]


@dataclass(frozen=True, slots=True)
class CallbackMap:
    """Where the facts are in a gateway's callbacks, and what its words mean."""

    format: str
    items: str
    states: Mapping[str, MessageState | None]
    numbering: Numbering
    zone: ZoneInfo
    fields: Mapping[str, tuple[str, re.Pattern[str] | None]]

    @classmethod
    def of(cls, settings: Settings) -> "CallbackMap":
        """Return the map of a connection; raise Refused with everything wrong in it."""
        faults: list[str] = []
        token, kind = settings["callback_token"], settings["callback_format"]
        if token and not _URL_SAFE.fullmatch(token):
            faults.append("Secret of the callback address: use 16 or more letters, digits, - or _.")
        try:
            _networks(settings["callback_sources"] or "")
        except ValueError as error:
            faults.append(f"Networks callbacks come from: {error}.")
        try:
            zone = ZoneInfo(settings["time_zone"] or "UTC")
        except (OSError, ValueError, ZoneInfoNotFoundError):
            zone = ZoneInfo("UTC")
            faults.append(f"Time zone: {settings['time_zone']!r} is none. Use a name like Asia/Karachi.")
        fields = {
            name: _pick(str(value), kind, name, faults)
            for name, value in settings.items()
            if name.startswith(("receipt_", "inbound_")) and name != "receipt_states" and value
        }
        states = _states(settings["receipt_states"], faults)
        if settings["callback_items"] and kind == "form":
            faults.append("Path of the list: only JSON and XML callbacks have lists.")
        path, _ = _pick(settings["callback_items"] or "", kind, "callback_items", faults)
        if faults:
            raise Refused(*faults)
        return cls(kind, path, states, Numbering.of(settings), zone, fields)

    def events(self, callback: Callback) -> list[Receipt | Inbound]:
        """Return what a callback reports; raise ValueError saying why it makes no sense."""
        events = [self._event(look, callback) for look in items(callback, self.format, self.items)]
        return [event for event in events if event is not None]

    def _event(self, look: Look, callback: Callback) -> Receipt | Inbound | None:
        def get(field: str) -> str | None:
            name, pattern = self.fields.get(field, ("", None))
            value = look(name) if name else None
            return value if pattern is None or value is None else first_group(pattern, value)

        status = get("receipt_status")
        if status is not None:
            return self._receipt(status.strip(), get)
        text = get("inbound_text")
        if text is not None:
            return self._inbound(self._recoded(text, get, callback), get)
        raise ValueError("The callback holds neither a delivery status nor a text.")

    def _receipt(self, status: str, get: Look) -> Receipt | None:
        if status.casefold() not in self.states:
            raise ValueError(f"The status {status[:40]!r} is not in the connection's status table.")
        state = self.states[status.casefold()]
        reference = (get("receipt_reference") or "").strip()
        if state is None:
            return None
        if not reference:
            raise ValueError("The callback reports a status without the reference of a message.")
        parts = get("receipt_parts") or ""
        return Receipt(
            reference,
            state,
            code=(get("receipt_error") or status)[:64],
            occurred_at=self._time(get("receipt_time")),
            address=self.numbering.read(get("receipt_recipient") or ""),
            quantity=int(parts) if parts.isascii() and parts.isdigit() else None,
        )

    def _recoded(self, text: str, get: Look, callback: Callback) -> str:
        charset = (get("inbound_charset") or "").strip().casefold()
        if charset in _UTF8:
            return text
        return recoded(callback, self.fields["inbound_text"][0], charset) or text

    def _inbound(self, text: str, get: Look) -> Inbound:
        sender = get("inbound_from")
        if not sender:
            raise ValueError("The callback holds a text and not whom it is from.")
        return Inbound(
            self.numbering.read(sender),
            self.numbering.read(get("inbound_to") or ""),
            text,
            (get("inbound_reference") or "").strip(),
            self._time(get("inbound_time")),
        )

    def _time(self, text: str | None) -> datetime | None:
        """Return the instant of `text`, None if it cannot be read: a receipt is worth more than its time."""
        text = (text or "").strip()
        try:
            if text.isascii() and text.isdigit() and len(text) <= 13:
                return datetime.fromtimestamp(int(text) / (1000 if len(text) > 10 else 1), UTC)
            moment = datetime.fromisoformat(text)
            return (moment if moment.tzinfo else moment.replace(tzinfo=self.zone)).astimezone(UTC)
        except (ValueError, OverflowError, OSError):
            return None


def _pick(text: str, kind: str, name: str, faults: list[str]) -> tuple[str, re.Pattern[str] | None]:
    path, pattern = (*_PICK.split(text, maxsplit=1), "")[:2]
    try:
        if path and kind == "json":
            json_path(path)
        elif path and kind == "xml":
            path = xml_path(path)
        return path, regex(pattern) if pattern else None
    except ValueError as error:
        faults.append(f"{name.replace('_', ' ').capitalize()}: {error}.")
        return "", None


def _states(table: Any, faults: list[str]) -> dict[str, MessageState | None]:
    if not isinstance(table or {}, dict):
        faults.append('Status table: must be like {"DELIVRD": "delivered"}.')
        return {}
    words = {str(theirs).casefold(): str(ours) for theirs, ours in (table or {}).items()}
    unknown = dict.fromkeys(ours for ours in words.values() if ours not in STATES)
    faults += [f"Status table: {ours[:20]!r} is not one of {', '.join(STATES)}." for ours in unknown]
    return {theirs: STATES.get(ours) for theirs, ours in words.items()}
