"""Checks of settings that every hosted provider asks for."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from connectpulse.core.api import Form

_NOT_URL = re.compile(r"[^\x21-\x7e]|[\"<>\\^`#{}?]")


def complete(form: Form, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return a value for every field: what was left empty is not kept with a connection."""
    return {field.name: field.default for field in form} | dict(settings)


def base_faults(base_url: str, countries: str) -> list[str]:
    """Return what is wrong with an address and the countries behind it."""
    faults = []
    try:
        parts = urlsplit(base_url)
        is_plain = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_plain = False
    if not is_plain or _NOT_URL.search(base_url) or "@" in base_url:
        faults.append("Address: must be like https://api.example.com, without query, fragment or credentials.")
    if not countries_of(countries) or not all(re.fullmatch("[A-Z]{2}", each) for each in countries_of(countries)):
        faults.append("Countries: write ISO codes of two letters, like US, IE.")
    return faults


def host_of(base_url: str) -> str:
    """Return the host of a checked address."""
    return urlsplit(base_url).hostname or ""


def countries_of(text: str) -> tuple[str, ...]:
    """Return the codes of a list like `US, IE`."""
    return tuple(text.upper().replace(",", " ").split())
