"""Letters through SendGrid: v3 Mail Send.

One request carries one letter, though SendGrid would take a thousand: an address it refuses, or an answer that is
lost, then concerns that letter alone.
"""

import base64
import json
import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, ClassVar

from connectpulse.core.api import (
    Accepted,
    Callback,
    ErrorClass,
    Events,
    Outcome,
    Rejected,
    Reply,
    Samples,
    Submission,
    TryLater,
    Unknown,
    requests,
)

from ..hosted.provider import HostedProvider
from ..hosted.requests import Ask, unproven
from ..letter import Letter, compose
from . import codes, samples
from .events import REFERENCE, events
from .settings import FORM, PRESETS, faults
from .signature import is_genuine

_OFF: Any = {"enable": False}
_TRACKING: Any = {
    "click_tracking": {"enable": False, "enable_text": False},
    "open_tracking": _OFF,
    "subscription_tracking": _OFF,
    "ganalytics": _OFF,
}
"""SendGrid changes no letter and follows nobody, whatever the account says."""


class SendGridProvider(HostedProvider):
    """Sends each letter as one request of texts; SendGrid makes the message and signs it."""

    name: ClassVar = "sendgrid"
    title: ClassVar = "SendGrid"
    summary: ClassVar = "SendGrid's v3 interface. Receipts, bounces and complaints come as signed events."
    settings_form: ClassVar = FORM
    presets: ClassVar = PRESETS
    errors: ClassVar = codes.ERRORS
    states: ClassVar = codes.STATES
    largest: ClassVar = 30_000_000

    @classmethod
    def faults(cls, settings: Mapping[str, Any]) -> list[str]:
        """Return one sentence per setting that cannot be right."""
        return faults(settings)

    @classmethod
    def samples(cls) -> Samples:
        """Return settings, a SendGrid on loopback, and what it calls back."""
        return samples.samples()

    @classmethod
    def verify_callback(cls, settings: Mapping[str, Any], callback: Callback) -> bool:
        """Return whether SendGrid signed the request."""
        return is_genuine(callback, settings.get("verifier") or "")

    @classmethod
    def parse_callback(cls, settings: Mapping[str, Any], callback: Callback) -> Events:
        """Return the receipts of a request; raise ValueError if it holds no events."""
        return events(callback)

    def write(self, submission: Submission, name: str) -> Ask:
        """Return the request for one letter; raise Faulty where it cannot be made whole."""
        letter = compose(submission.shared).fill(submission)
        body = json.dumps(_document(letter, name), ensure_ascii=False).encode()
        return Ask("POST", "/v3/mail/send", {**self._headers, "Content-Type": "application/json"}, body)

    def outcome(self, reply: Reply, submission: Submission, name: str) -> Outcome:
        """Return what an answer means: 202 is the only one that says yes."""
        if reply.status == 202:
            return Accepted((name,))
        if reply.status < 300:
            return Unknown("answer_not_understood", str(reply.status))
        return unproven(reply) or _refusal(reply)

    async def try_account(self) -> tuple[bool, str]:
        """Ask what the key may do."""
        reply = await self.requests.ask(*Ask("GET", "/v3/scopes", self._headers))
        if not isinstance(reply, Reply):
            return False, "SendGrid was reached, but did not answer."
        if reply.status != 200:
            return False, f"SendGrid refused the API key (HTTP status {reply.status})."
        scopes = requests.document(reply).get("scopes")
        if not isinstance(scopes, list) or "mail.send" not in scopes:
            return False, "The API key works, but lacks the permission Mail Send."
        events_come = "" if self.settings["verifier"] else " Events are not taken: there is no verification key."
        return True, f"The API key may send. Nothing was sent.{events_come}"

    @property
    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.settings['api_key']}", "Accept": "application/json"}


def _document(letter: Letter, name: str) -> dict[str, Any]:
    sender = {"email": letter.from_address} | ({"name": letter.from_name} if letter.from_name else {})
    found: dict[str, Any] = {
        "personalizations": [{"to": [{"email": letter.to}], "custom_args": {REFERENCE: name}}],
        "from": sender,
        "subject": letter.subject,
        "content": [
            {"type": kind, "value": text}
            for kind, text in (("text/plain", letter.text), ("text/html", letter.html))
            if text
        ],
        "headers": {key: value for key, value in letter.headers.items() if key != "Reply-To"},
        "tracking_settings": _TRACKING,
    }
    if letter.reply_to:
        found["reply_to"] = {"email": letter.reply_to}
    if letter.attachments:
        found["attachments"] = [
            {
                "content": base64.b64encode(each.content).decode(),
                "type": each.media_type,
                "filename": each.name,
                "disposition": "attachment",
            }
            for each in letter.attachments
        ]
    return found


def _refusal(reply: Reply) -> Outcome:
    code = _code(reply)
    error, reason = codes.ERRORS.get(code, codes.ERRORS["400"])
    if error is ErrorClass.THROTTLE:
        return TryLater(_pause(reply), error, reason, code)
    return Rejected(reason, error, code)


def _code(reply: Reply) -> str:
    """Return the status, and behind it the field whose fault it is, where that is one we tell apart."""
    status = str(reply.status)
    told = requests.document(reply).get("errors")
    first = told[0] if isinstance(told, list) and told and isinstance(told[0], dict) else {}
    field, words = str(first.get("field") or ""), str(first.get("message") or "").lower()
    if field.startswith("personalizations") and ".to" in field:
        place = "to"
    elif field.partition(".")[0] in ("from", "reply_to"):
        place = field.partition(".")[0]
    elif "from address" in words or "sender identity" in words:
        place = "from"
    else:
        place = "credits" if "credits exceeded" in words else ""
    code = f"{status} {place}".rstrip()
    return code if code in codes.ERRORS else status


def _pause(reply: Reply) -> timedelta:
    """Return how long to leave SendGrid alone: until its window begins anew, or as Retry-After asks."""
    until = reply.headers.get("X-RateLimit-Reset", "").strip()
    if until.isascii() and until.isdigit() and len(until) <= 12:
        left = timedelta(seconds=max(int(until) - time.time(), 1))
        return min(left, requests.LONGEST_PAUSE)
    return requests.retry_after(reply.headers)
