"""The values that stand for the placeholders of one message."""

from collections.abc import Mapping
from typing import Any

from connectpulse.core.api import ErrorClass, Rejected, Submission

from ..encoding import is_gsm
from .expand import Pattern, in_url, parse
from .numbering import Numbering
from .receipts import TOKEN

Settings = Mapping[str, Any]


def credentials(settings: Settings) -> dict[str, str]:
    """Return the credentials as placeholders, empty where there are none."""
    return {name: settings[name] or "" for name in ("username", "password", "token")}


def callback_pattern(settings: Settings, address: str = "") -> Pattern:
    """Return what {callback_url} expands to: our address with its secret and the gateway's own fields.

    Raises Refused if the setting names a placeholder other than {reference}.
    """
    query = "".join((settings["callback_query"] or "").split("\n"))
    joint = "&" if "?" in address else "?"
    start = f"{address}{joint}{TOKEN}={in_url(settings['callback_token'] or '')}"
    tail = parse(query, in_url, {"reference"}, "What {callback_url} ends with")
    first, *rest = tail.pieces
    return Pattern((start + ("&" if query else "") + first, *rest), in_url)


class Values:
    """Turns submissions into placeholder values, the way one connection's settings want them."""

    def __init__(self, settings: Settings, callback_url: str) -> None:
        self._numbering = Numbering.of(settings)
        self._callback = callback_pattern(settings, callback_url) if callback_url else None
        self._constant = credentials(settings) | {"session": "", "callback_url": ""}
        self._unicode = (settings["unicode_yes"] or "", settings["unicode_no"] or "")
        self._purposes = {
            "promotional": settings["purpose_promotional"] or "",
            "transactional": settings["purpose_transactional"] or "",
        }
        self._in_hex = settings["text_encoding"] == "ucs2-hex"

    def of(self, submission: Submission) -> dict[str, str] | Rejected:
        """Return the values, or why this gateway cannot take the message."""
        fits_gsm = is_gsm(submission.body)
        try:
            recipient = self._numbering.write(submission.address)
        except ValueError:
            return Rejected("number_not_supported", ErrorClass.RECIPIENT)
        try:
            text = submission.body.encode("utf-16-be").hex() if self._in_hex and not fits_gsm else submission.body
        except ValueError:
            return Rejected("text_not_supported", ErrorClass.CONTENT)
        values = self._constant | {
            "to": recipient,
            "from": self._sender(submission.sender),
            "text": text,
            "reference": submission.token,
            "parts": str(submission.parts),
            "validity_seconds": str(int(submission.validity.total_seconds())),
            "unicode": self._unicode[fits_gsm],
            "purpose": self._purposes.get(submission.purpose, self._purposes["transactional"]),
        }
        if self._callback:
            values["callback_url"] = self._callback.expand(values)
        return values

    def _sender(self, sender: str) -> str:
        """Return a number as the gateway writes numbers, and any other sender as it is."""
        try:
            return self._numbering.write(sender)
        except ValueError:
            return sender
