"""Questions and checks of settings that every hosted provider shares."""

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from connectpulse.core.api import Field, Form, Kind

_NOT_URL: Final = re.compile(r"[^\x21-\x7e]|[\"<>\\^`#{}?]")


def network(base: str, countries: str) -> Form:
    """Return the questions of a connection's network."""
    return (
        Field("base_url", "Address", help="Of another region, or of a gateway before it.", default=base,
              group="Network"),
        Field("countries", "Countries", help="Where letters are processed, for your privacy notice: ISO codes.",
              default=countries, group="Network"),
        Field("timeout", "Longest wait for an answer, seconds", Kind.NUMBER, default=30, low=1, high=120,
              group="Network"),
    )  # fmt: skip


def complete(form: Form, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return a value for every field: what was left empty is not kept with a connection."""
    return {field.name: field.default for field in form} | dict(settings)


def network_faults(settings: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with an address and the countries behind it."""
    faults = []
    base_url, countries = settings["base_url"] or "", countries_of(settings)
    try:
        parts = urlsplit(base_url)
        is_plain = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_plain = False
    if not is_plain or _NOT_URL.search(base_url) or "@" in base_url:
        faults.append("Address: must be like https://api.example.com, without query, fragment or credentials.")
    if not countries or not all(re.fullmatch("[A-Z]{2}", each) for each in countries):
        faults.append("Countries: write ISO codes of two letters, like US, IE.")
    return faults


def host_of(base_url: str) -> str:
    """Return the host of a checked address."""
    return urlsplit(base_url).hostname or ""


def countries_of(settings: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the codes of a list like `US, IE`."""
    return tuple(str(settings["countries"] or "").upper().replace(",", " ").split())
