"""What an administrator is asked for: the account, its numbers, and how callbacks prove themselves."""

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from connectpulse.core.api import Field, Form, Kind

BASE: Final = "https://graph.facebook.com"
VERSION: Final = "v23.0"

_MARKETING: Final = ("uses_marketing_messages", ("yes",))

FORM: Final[Form] = (
    Field("numbers", "Numbers", Kind.LONG_TEXT, "One a line, with its phone number id: +923001234567 = "
          "106540352242922. Both stand in the app's dashboard under WhatsApp, API setup.", is_required=True, high=4000,
          group="Account"),
    Field("account_id", "WhatsApp Business account id", help="Digits. Templates belong to it.", is_required=True,
          group="Account"),
    Field("access_token", "Access token", Kind.SECRET, "Of a system user, with the permissions "
          "whatsapp_business_messaging and whatsapp_business_management. One that never expires.", is_required=True,
          group="Account"),
    Field("app_secret", "App secret", Kind.SECRET, "Callbacks are signed with it: app settings, Basic.",
          is_required=True, group="Callbacks"),
    Field("verify_token", "Verify token", Kind.SECRET, "A word of your choice, of 8 letters at least. Write the same "
          "one beside the callback address at Meta.", is_required=True, low=8, high=200, group="Callbacks"),
    Field("uses_marketing_messages", "Send marketing over Marketing Messages", Kind.SWITCH, "Meta's interface for "
          "marketing templates, which the account must have accepted the terms of.", default=False, group="Messages"),
    Field("product_policy", "Where it cannot be used", Kind.CHOICE, default="CLOUD_API_FALLBACK",
          choices=(("CLOUD_API_FALLBACK", "Send over the Cloud API"), ("STRICT", "Do not send")), group="Messages",
          only=_MARKETING),
    Field("shares_activity", "Let Meta use what people do with the messages", Kind.SWITCH, "Reads and clicks of "
          "Marketing Messages, used to choose whom they reach. Say so in your privacy notice.", default=False,
          group="Messages", only=_MARKETING),
    Field("version", "Version of the API", help="Like v23.0.", default=VERSION, group="Network"),
    Field("base_url", "Address", default=BASE, group="Network"),
    Field("countries", "Countries", help="Where Meta processes the messages, for your privacy notice: ISO codes.",
          default="US, IE", group="Network"),
    Field("timeout", "Longest wait for an answer, seconds", Kind.NUMBER, default=30, low=1, high=120,
          group="Network"),
)  # fmt: skip

_LINE: Final = re.compile(r"\s*(\+[1-9][0-9]{6,14})\s*[=:]\s*([0-9]{5,25})\s*")
_NOT_URL: Final = re.compile(r"[^\x21-\x7e]|[\"<>\\^`#{}?@]")


def complete(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return a value for every field: what was left empty is not kept with a connection."""
    return {field.name: field.default for field in FORM} | dict(settings)


def numbers(text: str) -> dict[str, str]:
    """Return the phone number ids by number; lines that are malformed are left out."""
    matches = (_LINE.fullmatch(line) for line in text.splitlines())
    return {match[1]: match[2] for match in matches if match}


def countries(text: str) -> tuple[str, ...]:
    """Return the codes of a list like `US, IE`."""
    return tuple(text.upper().replace(",", " ").split())


def host(base_url: str) -> str:
    """Return the host of a checked address."""
    return urlsplit(base_url).hostname or ""


def faults(settings: Mapping[str, Any]) -> list[str]:
    """Return one sentence per setting that cannot be right."""
    found = [
        f"Numbers, line {number}: write a number and its id, like +923001234567 = 106540352242922."
        for number, line in enumerate(settings["numbers"].splitlines(), start=1)
        if line.strip() and not _LINE.fullmatch(line)
    ]
    ids = list(numbers(settings["numbers"]).values())
    if len(set(ids)) < len(ids):
        found.append("Numbers: two numbers have the same id; look them up again.")
    if not re.fullmatch(r"[0-9]{5,25}", settings["account_id"]):
        found.append("WhatsApp Business account id: digits only.")
    if not re.fullmatch(r"v[0-9]{1,3}\.[0-9]", settings["version"]):
        found.append("Version of the API: must be like v23.0.")
    if not is_plain(settings["base_url"]):
        found.append("Address: must be like https://graph.facebook.com, without query, fragment or credentials.")
    codes = countries(settings["countries"])
    if not codes or not all(re.fullmatch("[A-Z]{2}", code) for code in codes):
        found.append("Countries: write ISO codes of two letters, like US, IE.")
    return found


def is_plain(base_url: str) -> bool:
    """Return whether an address is one of HTTP, without query, fragment or credentials."""
    try:
        parts = urlsplit(base_url)
        is_http = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return is_http and not _NOT_URL.search(base_url)
