"""What an administrator is asked for: the account, who sends, and how callbacks prove themselves."""

import re
from collections.abc import Mapping
from typing import Any, Final

from connectpulse.core.api import Field, Form, Kind

from ..hosted.settings import base_faults

BASE: Final = "https://api.twilio.com"

FORM: Final[Form] = (
    Field("account_sid", "Account SID", help="AC and 32 letters and digits.", is_required=True, group="Account"),
    Field("auth_token", "Auth token", Kind.SECRET, "Callbacks are signed with it, so it is wanted even where an API "
          "key sends.", is_required=True, group="Account"),
    Field("key_sid", "API key SID", help="SK and 32 letters and digits. With it requests are made by the key instead "
          "of the token.", group="Account"),
    Field("key_secret", "Secret of the API key", Kind.SECRET, group="Account"),
    Field("shared_key", "Shared key of callbacks", Kind.SECRET, "If a webhook rule of the account signs with a shared "
          "key. Callbacks without such a rule are still signed with the token.", group="Account"),
    Field("messaging_service_sid", "Messaging service", help="MG and 32 letters and digits. The service then chooses "
          "the number each message comes from, and the sender of a campaign is not used.", group="Messages"),
    Field("ask_lost", "Ask about lost answers", Kind.SWITCH, "Where an answer was lost, look for the message among "
          "those Twilio lists for the number. Off: it stays unknown until a receipt comes.", default=True,
          group="Messages"),
    Field("base_url", "Address", help="Of another region, or of a gateway before Twilio.", default=BASE,
          group="Network"),
    Field("countries", "Countries", help="Where Twilio processes the messages, for your privacy notice: ISO codes.",
          default="US", group="Network"),
    Field("timeout", "Longest wait for an answer, seconds", Kind.NUMBER, default=30, low=1, high=120,
          group="Network"),
)  # fmt: skip

PRESETS: Final[Mapping[str, Mapping[str, Any]]] = {
    "Twilio, United States": {"base_url": BASE, "countries": "US"},
    "Twilio, Ireland (IE1)": {"base_url": "https://api.dublin.ie1.twilio.com", "countries": "IE"},
    "Twilio, Australia (AU1)": {"base_url": "https://api.sydney.au1.twilio.com", "countries": "AU"},
}

_SIDS: Final = {
    "account_sid": ("Account SID", "AC"),
    "key_sid": ("API key SID", "SK"),
    "messaging_service_sid": ("Messaging service", "MG"),
}


def faults(settings: Mapping[str, Any]) -> list[str]:
    """Return one sentence per setting that cannot be right."""
    found = base_faults(settings["base_url"], settings["countries"])
    for name, (label, prefix) in _SIDS.items():
        value = settings.get(name)
        if value and not re.fullmatch(prefix + "[0-9a-fA-F]{32}", value):
            found.append(f"{label}: write {prefix} and the 32 letters and digits that follow it.")
    if bool(settings.get("key_sid")) != bool(settings.get("key_secret")):
        found.append("API key: fill in both its SID and its secret, or neither.")
    return found
