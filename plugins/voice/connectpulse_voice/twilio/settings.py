"""What an administrator is asked for: the account, how calls are made, and how callbacks prove themselves."""

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from connectpulse.core.api import Field, Form, Kind

BASE: Final = "https://api.twilio.com"

FORM: Final[Form] = (
    Field("account_sid", "Account SID", help="AC and 32 letters and digits.", is_required=True, group="Account"),
    Field("auth_token", "Auth token", Kind.SECRET, "Callbacks are signed with it, so it is wanted even where an API "
          "key calls.", is_required=True, group="Account"),
    Field("key_sid", "API key SID", help="SK and 32 letters and digits. With it requests are made by the key instead "
          "of the token.", group="Account"),
    Field("key_secret", "Secret of the API key", Kind.SECRET, group="Account"),
    Field("shared_key", "Shared key of callbacks", Kind.SECRET, "If a webhook rule of the account signs with a shared "
          "key. Callbacks without such a rule are still signed with the token.", group="Account"),
    Field("detect_machines", "Detect answering machines", Kind.SWITCH, "Twilio charges for each call it listens to. "
          "Off: nobody knows who answered, and machines are spoken to like people.", default=True, group="Calls"),
    Field("own_voice", "Read texts with this site's voices", Kind.SWITCH, "Off: with Twilio's voices, in the languages "
          "it has one for.", default=False, group="Calls"),
    Field("ask_lost", "Ask about lost answers", Kind.SWITCH, "Where an answer was lost, look for the call among those "
          "Twilio lists for the number. Off: it stays unknown until a callback comes.", default=True, group="Calls"),
    Field("base_url", "Address", help="Of another region, or of a gateway before Twilio.", default=BASE,
          group="Network"),
    Field("countries", "Countries", help="Where Twilio processes the calls, for your privacy notice: ISO codes.",
          default="US", group="Network"),
    Field("timeout", "Longest wait for an answer, seconds", Kind.NUMBER, default=30, low=1, high=120,
          group="Network"),
)  # fmt: skip

PRESETS: Final[Mapping[str, Mapping[str, Any]]] = {
    "Twilio, United States": {"base_url": BASE, "countries": "US"},
    "Twilio, Ireland (IE1)": {"base_url": "https://api.dublin.ie1.twilio.com", "countries": "IE"},
    "Twilio, Australia (AU1)": {"base_url": "https://api.sydney.au1.twilio.com", "countries": "AU"},
}

_SIDS: Final = {"account_sid": ("Account SID", "AC"), "key_sid": ("API key SID", "SK")}
_NOT_URL = re.compile(r"[^\x21-\x7e]|[\"<>\\^`#{}?@]")


def complete(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return a value for every field: what was left empty is not kept with a connection."""
    return {field.name: field.default for field in FORM} | dict(settings)


def faults(settings: Mapping[str, Any]) -> list[str]:
    """Return one sentence per setting that cannot be right."""
    found = []
    for name, (label, prefix) in _SIDS.items():
        value = settings.get(name)
        if value and not re.fullmatch(prefix + "[0-9a-fA-F]{32}", value):
            found.append(f"{label}: write {prefix} and the 32 letters and digits that follow it.")
    if bool(settings.get("key_sid")) != bool(settings.get("key_secret")):
        found.append("API key: fill in both its SID and its secret, or neither.")
    if not _is_address(settings["base_url"]):
        found.append("Address: must be like https://api.example.com, without query, fragment or credentials.")
    countries = countries_of(settings["countries"])
    if not countries or not all(re.fullmatch("[A-Z]{2}", each) for each in countries):
        found.append("Countries: write ISO codes of two letters, like US, IE.")
    return found


def host_of(settings: Mapping[str, Any]) -> str:
    """Return the host requests go to."""
    return urlsplit(settings["base_url"]).hostname or ""


def countries_of(text: str) -> tuple[str, ...]:
    """Return the codes of a list like `US, IE`."""
    return tuple(text.upper().replace(",", " ").split())


def _is_address(base_url: str) -> bool:
    try:
        parts = urlsplit(base_url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0 and not (
            _NOT_URL.search(base_url)
        )  # fmt: skip
    except ValueError:
        return False
