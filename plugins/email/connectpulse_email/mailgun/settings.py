"""What an administrator is asked for: a domain, a key that sends, and the key by which events are believed."""

import re
from collections.abc import Mapping
from typing import Any, Final

from connectpulse.core.api import Field, Form, Kind

from ..hosted.settings import network

BASE: Final = "https://api.mailgun.net"
EUROPE: Final = "https://api.eu.mailgun.net"

FORM: Final[Form] = (
    Field("domain", "Domain", help="As Mailgun knows it, like mg.acme.example.", is_required=True, high=253,
          group="Account"),
    Field("api_key", "API key", Kind.SECRET, "A sending key of the domain is enough.", is_required=True, high=200,
          group="Account"),
    Field("signs", "Sign letters ourselves too", Kind.SWITCH, "With the key of the sender's domain. Mailgun signs "
          "with its own in any case.", default=False, group="Account"),
    Field("signing_key", "Signing key of webhooks", Kind.SECRET, "From Mailgun's API security. Without it no event "
          "is taken, and letters stay accepted.", high=200, group="Events"),
    Field("oldest", "Oldest event that is believed, minutes", Kind.NUMBER, "Mailgun repeats for eight hours what was "
          "not answered. Its signature does not cover what an event says, so allow no more than you need.",
          default=15, low=1, high=600, group="Events"),
    *network(BASE, "US"),
)  # fmt: skip

PRESETS: Final[Mapping[str, Mapping[str, Any]]] = {
    "Mailgun, United States": {"base_url": BASE, "countries": "US"},
    "Mailgun, European Union": {"base_url": EUROPE, "countries": "DE"},
}

_DOMAIN: Final = re.compile(r"(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{1,62}", re.IGNORECASE)


def faults(settings: Mapping[str, Any]) -> list[str]:
    """Return one sentence per setting that cannot be right."""
    found = []
    if not _DOMAIN.fullmatch(settings["domain"]):
        found.append("Domain: write its name alone, like mg.acme.example.")
    if not settings["api_key"].isascii() or any(sign.isspace() for sign in settings["api_key"]):
        found.append("API key: it has no spaces and only plain letters.")
    return found
