"""From a content to the function that makes it for one recipient.

The text is what the person reads, kept with the message. `extra` holds what WhatsApp is given for the
placeholders of a template: texts by component, `{"header": […], "body": […], "buttons": {"0": "…"}}`.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import quote

from connectpulse.core.api import Measure, Refused, Rendered, Renderer

from .checks import LONGEST_TEXT
from .content import Slot, Written

ONE: Final = Measure(1, 1)
LONGEST_VALUE: Final = 1024

_BREAKS: Final = re.compile(r"[\r\n\t]+")
_SPACES: Final = re.compile(r" {4,}")
_URL_SIGNS: Final = "-._~/?#[]@!$&'()*+,;=:%"
_SENTENCES: Final = {"ur": "{code} آپ کا تصدیقی کوڈ ہے۔"}
"""How the sentence WhatsApp writes around a code is kept with the message, where it is not in English."""

Values = Mapping[str, str]


def renderer(written: Written) -> Renderer:
    """Return the renderer; it raises Refused for a recipient whose values WhatsApp would refuse."""
    fill = written.body.renderer()
    if written.is_code:
        fill = _around(sentence(written.language), fill)
    pick = _picker(written) if written.is_template and written.names else None

    def render(values: Values) -> Rendered:
        body = fill(values)
        if len(body) > LONGEST_TEXT:
            raise Refused(f"Text: {len(body)} characters; at most {LONGEST_TEXT} fit.")
        return Rendered(body, ONE, pick(values) if pick else None)

    if written.names:
        return render
    same = render({})
    return lambda values: same


def sentence(language: str) -> str:
    """Return what WhatsApp writes around a code, with `{code}` in its place."""
    return _SENTENCES.get(language, "{code} is your verification code.")


def _around(words: str, fill: Callable[[Values], str]) -> Callable[[Values], str]:
    return lambda values: words.replace("{code}", fill(values))


def _picker(written: Written) -> Callable[[Values], Mapping[str, Any]]:
    """Return the function that takes from a recipient's values what WhatsApp is given."""
    texts = {
        component: written.slots(text)
        for component, text in (("header", written.header_text), ("body", written.body))
        if text.names
    }
    links = {
        str(index): Slot("1", button.field, _default(button.target))
        for index, button in enumerate(written.buttons)
        if button.field
    }

    def pick(values: Values) -> Mapping[str, Any]:
        extra: dict[str, Any] = {name: [_value(values, slot) for slot in slots] for name, slots in texts.items()}
        if links:
            extra["buttons"] = {index: quote(_value(values, slot), safe=_URL_SIGNS) for index, slot in links.items()}
        return extra

    return pick


def _default(target: Any) -> str:
    return next((piece.default or "" for piece in target.pieces if not isinstance(piece, str)), "")


def _value(values: Values, slot: Slot) -> str:
    """Return a value as WhatsApp takes it: on one line, and never empty."""
    text = values.get(slot.field) or slot.default
    if "\n" in text or "\t" in text or "\r" in text or "    " in text:
        text = _SPACES.sub("   ", _BREAKS.sub(" ", text))
    text = text.strip()
    if not text:
        raise Refused(f"{{{{ {slot.field} }}}}: WhatsApp takes no empty value.")
    return text[:LONGEST_VALUE]
