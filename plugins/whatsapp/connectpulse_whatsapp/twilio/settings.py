"""What an administrator is asked for: the account, who sends, and how callbacks prove themselves."""

import re
from collections.abc import Mapping
from typing import Any, Final

from connectpulse.core.api import Field, Form, Kind

from ..cloud.settings import countries, is_plain

BASE: Final = "https://api.twilio.com"
CONTENT: Final = "https://content.twilio.com"

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
    Field("base_url", "Address", help="Of another region, or of a gateway before Twilio.", default=BASE,
          group="Network"),
    Field("content_url", "Address of the Content API", help="Where templates are kept and submitted.", default=CONTENT,
          group="Network"),
    Field("countries", "Countries", help="Where Twilio and Meta process the messages, for your privacy notice: ISO "
          "codes.", default="US, IE", group="Network"),
    Field("timeout", "Longest wait for an answer, seconds", Kind.NUMBER, default=30, low=1, high=120,
          group="Network"),
)  # fmt: skip

_SIDS: Final = {
    "account_sid": ("Account SID", "AC"),
    "key_sid": ("API key SID", "SK"),
    "messaging_service_sid": ("Messaging service", "MG"),
}


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
    for name, label, example in (("base_url", "Address", BASE), ("content_url", "Address of the Content API", CONTENT)):
        if not is_plain(settings[name]):
            found.append(f"{label}: must be like {example}, without query, fragment or credentials.")
    codes = countries(settings["countries"])
    if not codes or not all(re.fullmatch("[A-Z]{2}", code) for code in codes):
        found.append("Countries: write ISO codes of two letters, like US, IE.")
    return found
