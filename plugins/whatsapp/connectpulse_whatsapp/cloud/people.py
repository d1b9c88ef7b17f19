"""What Meta tells about people apart from any message: that they want no promotions, or have another id now."""

from collections.abc import Mapping
from typing import Any

from connectpulse.core.api import Stop

from .reading import address, our_number, part, rows


def preferences(value: Mapping[str, Any]) -> list[Stop]:
    """Return who stopped our promotions. Who resumes them there has not agreed to them here: that changes nothing."""
    return [
        Stop(address(each.get("wa_id") or each.get("user_id")), our_number(value), "opted_out")
        for each in rows(value, "user_preferences")
        if each.get("value") == "stop" and (each.get("wa_id") or each.get("user_id"))
    ]


def user_ids(value: Mapping[str, Any]) -> list[Stop]:
    """Return the business-scoped ids that lead to nobody any more."""
    gone = (part(each, "user_id").get("previous") for each in rows(value, "user_id_update"))
    return [Stop(str(each), our_number(value), "undeliverable") for each in gone if each]
