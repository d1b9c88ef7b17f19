"""The request that sends a message, in the words of either interface."""

import json
import time
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

from connectpulse.core.api import Submission, requests

from ..encoding import is_gsm
from .settings import SMS
from .signature import sign

LONGEST: Final = 3200
"""Characters Vonage takes."""

_SHORTEST_LIFE, _LONGEST_LIFE = 20, 604_800
_LONGEST_CALLBACK = 100
"""Characters of a callback address the SMS API takes; with a longer one the account's own is called."""

Request = tuple[str, dict[str, str], bytes]


def request(settings: Mapping[str, Any], submission: Submission, callback_url: str) -> Request:
    """Return path, headers and body; raise UnicodeEncodeError for a text that cannot be written."""
    return (_sms if settings["interface"] == SMS else _messages)(settings, submission, callback_url)


def _sms(settings: Mapping[str, Any], submission: Submission, callback_url: str) -> Request:
    fields = {
        "api_key": settings["account"],
        "from": submission.sender.removeprefix("+"),
        "to": submission.address.removeprefix("+"),
        "text": submission.body,
        "type": "text" if is_gsm(submission.body) else "unicode",
        "ttl": str(_life(submission) * 1000),
        "client-ref": submission.token[:40],
    }
    if 0 < len(callback_url) <= _LONGEST_CALLBACK:
        fields["callback"] = callback_url
    if settings["sign_requests"]:
        fields["timestamp"] = str(int(time.time()))
        fields["sig"] = sign(fields.items(), settings["signature_secret"], settings["signature_method"])
    else:
        fields["api_secret"] = settings["api_secret"]
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
    return "/sms/json", headers, urlencode(fields).encode()


def _messages(settings: Mapping[str, Any], submission: Submission, callback_url: str) -> Request:
    document: dict[str, Any] = {
        "channel": "sms",
        "message_type": "text",
        "to": submission.address.removeprefix("+"),
        "from": submission.sender.removeprefix("+"),
        "text": submission.body,
        "ttl": _life(submission),
        "client_ref": submission.token[:100],
        "sms": {"encoding_type": "text" if is_gsm(submission.body) else "unicode"},
    }
    if callback_url:
        document |= {"webhook_url": callback_url, "webhook_version": "v1"}
    headers = {
        "Authorization": requests.basic(settings["account"], settings["api_secret"]),
        "Content-Type": "application/json",
        "Accept": "application/json",
    }
    return "/v1/messages", headers, json.dumps(document, ensure_ascii=False).encode()


def _life(submission: Submission) -> int:
    """Return the seconds Vonage may try; it takes from 20 seconds to a week."""
    return min(max(int(submission.validity.total_seconds()), _SHORTEST_LIFE), _LONGEST_LIFE)
