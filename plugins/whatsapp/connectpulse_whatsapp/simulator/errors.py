"""Refusals in Meta's shape. Source: Graph API errors; Cloud API error codes, v23.0."""

import json
from typing import Final

from .listening import Answer

MESSAGES: Final = {
    4: "Application request limit reached",
    33: "Object does not exist",
    100: "Invalid parameter",
    190: "Error validating access token",
    130429: "Rate limit hit",
    131008: "Required parameter is missing",
    131021: "Recipient cannot be sender",
    131026: "Message undeliverable",
    131049: "This message was not delivered to maintain healthy ecosystem engagement.",
    131050: "Unable to deliver the message. This recipient has chosen to stop receiving marketing messages.",
    131053: "Media upload error",
    131056: "(Business Account, Consumer Account) pair rate limit hit",
    132000: "Number of parameters does not match the expected number of params",
    132001: "Template name does not exist in the translation",
    132015: "Template is paused",
}
_STATUSES: Final = {190: 401, 4: 429, 130429: 429, 132001: 404}


class Failure(Exception):
    """What is asked for is refused with one of Meta's codes."""

    def __init__(self, code: int, details: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.details = details


def refusal(failure: Failure) -> Answer:
    """Return the answer that tells a refusal."""
    code, subcode = (100, {"error_subcode": 33}) if failure.code == 33 else (failure.code, {})
    title = MESSAGES.get(failure.code, "Something went wrong")
    error = {
        "message": f"(#{code}) {title}",
        "type": "OAuthException",
        "code": code,
        **subcode,
        "error_data": {"messaging_product": "whatsapp", "details": failure.details or title},
        "fbtrace_id": "Atrial",
    }
    return Answer(_STATUSES.get(failure.code, 400), json.dumps({"error": error}).encode())


def status_error(code: str) -> str:
    """Return the `errors` of a failed status, as JSON."""
    title = MESSAGES.get(int(code), "Something went wrong")
    error = {"code": int(code), "title": title, "message": title, "error_data": {"details": title}}
    return json.dumps([error])
