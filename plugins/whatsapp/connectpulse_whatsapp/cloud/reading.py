"""How the values of Meta's webhooks are read: lists, times and addresses, whatever is in their place."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any


def rows(value: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """Return the objects of a list in a value; an empty list where it is none."""
    found = value.get(name)
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def part(value: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return an object in a value; an empty one where it is none."""
    found = value.get(name)
    return found if isinstance(found, dict) else {}


def moment(timestamp: Any) -> datetime | None:
    """Return a time given in seconds since 1970, None for anything else."""
    return _moment(str(timestamp or ""))


@lru_cache(maxsize=64)  # what is told together happened within a few seconds
def _moment(text: str) -> datetime | None:
    if not (text.isascii() and text.isdigit() and len(text) <= 11):
        return None
    return datetime.fromtimestamp(int(text), UTC)


def address(given: Any) -> str:
    """Return a person's canonical address: a phone number in E.164, a business-scoped user id as it is."""
    text = str(given or "")
    return f"+{text}" if text.isascii() and text.isdigit() else text


def our_number(value: Mapping[str, Any]) -> str:
    """Return the number of ours that a change is about, empty where none is named."""
    shown = str(part(value, "metadata").get("display_phone_number") or "")
    digits = "".join(sign for sign in shown if sign.isascii() and sign.isdigit())
    return f"+{digits}" if digits else ""


def number_id(value: Mapping[str, Any]) -> str:
    """Return Meta's id of the number that a change is about, empty where none is named."""
    return str(part(value, "metadata").get("phone_number_id") or "")
