"""A template as Meta's reviewers get it: its components, with examples in the place of values.

Source: WhatsApp Business Management API, message_templates, v23.0.
"""

from collections.abc import Sequence
from typing import Any, Final

from connectpulse.core.api import Template

from ..buttons import CALL, CODE, LINK, Button
from ..content import Slot, Written
from ..form import MEDIA, NAMED

_EXAMPLE: Final = "example"


def proposal(written: Written, handle: str = "") -> dict[str, Any]:
    """Return the body of a submission; `handle` names the example file of the header, empty for none."""
    made: dict[str, Any] = {
        "name": written.name,
        "language": written.language,
        "category": written.category.upper(),
        "components": components(written, handle),
    }
    if not written.is_code:
        made["parameter_format"] = written.variables.upper()
    return made


def components(written: Written, handle: str = "") -> list[dict[str, Any]]:
    """Return the components of a template."""
    if written.is_code:
        return _code(written)
    found = _header(written, handle)
    found.append({"type": "BODY", "text": written.wording(written.body), **_example(written, "body", written.body)})
    if written.footer:
        found.append({"type": "FOOTER", "text": written.footer})
    if written.buttons:
        found.append({"type": "BUTTONS", "buttons": [_button(written, each) for each in written.buttons]})
    return found


def _code(written: Written) -> list[dict[str, Any]]:
    """Return the components of an authentication code, whose sentence Meta writes."""
    found: list[dict[str, Any]] = [{"type": "BODY", "add_security_recommendation": True}]
    if written.expiry:
        found.append({"type": "FOOTER", "code_expiration_minutes": written.expiry})
    found.append({"type": "BUTTONS", "buttons": [{"type": "OTP", "otp_type": "COPY_CODE"}]})
    return found


def _header(written: Written, handle: str) -> list[dict[str, Any]]:
    if written.header in MEDIA:
        example = {"example": {"header_handle": [handle]}} if handle else {}
        return [{"type": "HEADER", "format": written.header.upper(), **example}]
    if not written.header_text.pieces:
        return []
    text = written.header_text
    return [{"type": "HEADER", "format": "TEXT", "text": written.wording(text), **_example(written, "header", text)}]


def _example(written: Written, part: str, text: Template) -> dict[str, Any]:
    """Return the examples of a text's placeholders: numbered ones in a list, named ones each with its name."""
    slots = written.slots(text)
    if not slots:
        return {}
    if written.variables == NAMED:
        named = [{"param_name": slot.name, "example": example_of(written, slot)} for slot in slots]
        return {"example": {f"{part}_text_named_params": named}}
    values: Sequence[Any] = [example_of(written, slot) for slot in slots]
    return {"example": {f"{part}_text": [values] if part == "body" else values}}


def example_of(written: Written, slot: Slot) -> str:
    """Return what reviewers see for a placeholder: its example, what stands in for nothing, or a word."""
    return written.examples.get(slot.field) or slot.default or _EXAMPLE


def _button(written: Written, button: Button) -> dict[str, Any]:
    if button.kind == LINK:
        made: dict[str, Any] = {"type": "URL", "text": button.label, "url": button.base}
        if button.field:
            made["url"] += "{{1}}"
            made["example"] = [button.base + example_of(written, Slot("1", button.field, ""))]
        return made
    if button.kind == CALL:
        return {"type": "PHONE_NUMBER", "text": button.label, "phone_number": button.base}
    if button.kind == CODE:
        return {"type": "COPY_CODE", "example": button.base}
    return {"type": "QUICK_REPLY", "text": button.label}
