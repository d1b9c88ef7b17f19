"""A template as Twilio's Content API keeps it, and the values of its placeholders for one message.

Twilio numbers the placeholders of header, text and links through: `{"1": …, "2": …}`. Source: Content API, v1.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from connectpulse.core.api import Refused, Template

from ..buttons import CALL, CODE, LINK, STOP, STOP_PAYLOAD, Button
from ..cloud.proposal import example_of
from ..content import Slot, Written
from ..form import MEDIA, POSITIONAL


class Place(NamedTuple):
    """A placeholder: its number at Twilio, and the component and slot it stands for (`header`, `body`, a button)."""

    number: int
    component: str
    slot: Slot


def places(written: Written) -> list[Place]:
    """Return the placeholders in Twilio's order."""
    return [Place(number, *each) for number, each in enumerate(_slots(written), start=1)]


def _slots(written: Written) -> Iterator[tuple[str, Slot]]:
    for component, text in (("header", written.header_text), ("body", written.body)):
        for slot in written.slots(text):
            yield component, slot
    for index, button in enumerate(written.buttons):
        if button.field:
            yield str(index), Slot("1", button.field, "")


def content(written: Written) -> dict[str, Any]:
    """Return the body that makes a template; raise Refused for what Twilio cannot show."""
    if written.header in MEDIA:
        raise Refused("Twilio shows only files that lie at a public address. Choose a header without a file.")
    return {
        "friendly_name": written.name,
        "language": written.language,
        "variables": {str(each.number): example_of(written, each.slot) for each in places(written)},
        "types": _types(written),
    }


def values(written: Written, extra: Mapping[str, Any]) -> dict[str, str]:
    """Return ContentVariables for one recipient; raise KeyError or IndexError where values are missing."""
    given = {"header": extra.get("header") or (), "body": extra.get("body") or ()}
    found: dict[str, str] = {}
    counts = {"header": 0, "body": 0}
    for each in places(written):
        if each.component in given:
            found[str(each.number)] = given[each.component][counts[each.component]]
            counts[each.component] += 1
        else:
            found[str(each.number)] = extra["buttons"][each.component]
    return found


def _types(written: Written) -> dict[str, Any]:
    if written.is_code:
        expiry = {"code_expiration_minutes": written.expiry} if written.expiry else {}
        actions = [{"type": "COPY_CODE", "copy_code_text": "Copy code"}]
        return {"whatsapp/authentication": {"add_security_recommendation": True, **expiry, "actions": actions}}
    numbers = places(written)
    body = _wording(written, written.body, _first(numbers, "body"))
    if not (written.header_text.pieces or written.footer or written.buttons):
        return {"twilio/text": {"body": body}}
    card: dict[str, Any] = {"body": body}
    if written.header_text.pieces:
        card["header_text"] = _wording(written, written.header_text, _first(numbers, "header"))
    if written.footer:
        card["footer"] = written.footer
    if written.buttons:
        card["actions"] = [_action(each, _first(numbers, str(index))) for index, each in enumerate(written.buttons)]
    return {"whatsapp/card": card}


def _first(numbers: list[Place], component: str) -> int:
    return next((each.number for each in numbers if each.component == component), 1)


def _wording(written: Written, text: Template, first: int) -> str:
    names = [slot.field for slot in written.slots(text)]
    count, pieces = 0, []
    for piece in text.pieces:
        if isinstance(piece, str):
            pieces.append(piece)
            continue
        at = count if written.variables == POSITIONAL else names.index(piece.name)
        pieces.append(f"{{{{{first + at}}}}}")
        count += 1
    return "".join(pieces)


_KINDS: Final = {LINK: "URL", CALL: "PHONE_NUMBER", CODE: "COPY_CODE"}


def _action(button: Button, number: int) -> dict[str, str]:
    made = {"type": _KINDS.get(button.kind, "QUICK_REPLY"), "title": button.label}
    if button.kind == LINK:
        made["url"] = button.base + (f"{{{{{number}}}}}" if button.field else "")
    elif button.kind == CALL:
        made["phone"] = button.base
    elif button.kind == CODE:
        made["code"] = button.base
    else:
        made["id"] = STOP_PAYLOAD if button.kind == STOP else button.label
    return made
