"""What WhatsApp refuses about a template or a text, said before it is submitted.

Source: Meta's documentation of message templates and of the Cloud API's messages (v23.0).
"""

import re
from itertools import pairwise
from typing import Final

from connectpulse.core.api import Template

from .buttons import QUICK
from .buttons import faults as button_faults
from .content import Written
from .form import MEDIA, NAMED, TEXT

LONGEST_BODY: Final = 1024
LONGEST_TEXT: Final = 4096
LONGEST_LINE: Final = 60
_LONGEST_CAPTION: Final = 1024
_MOST_REPLIES: Final = 3
_LONGEST_REPLY: Final = 20
_WORDS_PER_VARIABLE: Final = 3
"""WhatsApp refuses a text that is mostly placeholders; this is the share it has been seen to accept."""

_NAME: Final = re.compile(r"[a-z0-9_]{1,512}")
_BLANK_LINES: Final = re.compile(r"\n\s*\n\s*\n\s*\n")


def faults(written: Written) -> list[str]:
    """Return one sentence per rule a content breaks."""
    found = [] if written.body.pieces else ["Text: please write the message."]
    if written.kind == TEXT:
        return found + _text_faults(written)
    if not _NAME.fullmatch(written.name):
        found.append("Name at WhatsApp: small letters, digits and _ only.")
    if written.header in MEDIA and written.file_id is None:
        found.append(f"Header: choose the {MEDIA[written.header].lower()} it shows.")
    if written.is_code:
        return found + _code_faults(written)
    found += _header_faults(written) + _body_faults(written) + _footer_faults(written) + _variable_faults(written)
    return found + button_faults(written.buttons)


def _text_faults(written: Written) -> list[str]:
    longest = _LONGEST_CAPTION if written.header in MEDIA or written.buttons else LONGEST_TEXT
    found = _length("Text", longest_of(written.body), longest)
    if written.header == "text":
        found.append("Header: a text that answers has no line of text above it; choose none or a file.")
    if written.header in MEDIA and written.file_id is None:
        found.append(f"Header: choose the {MEDIA[written.header].lower()} it shows.")
    if any(button.kind not in QUICK for button in written.buttons):
        found.append("Buttons: a text that answers may have quick replies only (reply, stop).")
    if len(written.buttons) > _MOST_REPLIES:
        found.append(f"Buttons: a text that answers shows at most {_MOST_REPLIES}.")
    found += [
        f"Buttons: {button.label!r} has {len(button.label)} characters; in a text that answers {_LONGEST_REPLY} fit."
        for button in written.buttons
        if len(button.label) > _LONGEST_REPLY
    ]
    if written.footer and not written.buttons:
        found.append("Footer: a text that answers has one only together with buttons.")
    return found + _length("Footer", written.footer, LONGEST_LINE)


def _code_faults(written: Written) -> list[str]:
    found = []
    if len(written.body.pieces) != 1 or not written.body.names:
        found.append("Text: for an authentication code write its placeholder alone, like {{ code }}.")
    if written.header != "none" or written.footer or written.buttons:
        found.append("Authentication code: WhatsApp allows no header, footer or buttons of yours. Please remove them.")
    return found


def _header_faults(written: Written) -> list[str]:
    if written.header != "text":
        return []
    found = [] if written.header_text.pieces else ["Text of the header: please write it, or choose no header."]
    text = written.wording(written.header_text)
    if len(written.slots(written.header_text)) > 1:
        found.append("Text of the header: it may hold one placeholder.")
    if "\n" in text or any(sign in text for sign in "*_~`"):
        found.append("Text of the header: it is one line without * _ ~ or `.")
    return found + _length("Text of the header", text, LONGEST_LINE)


def _body_faults(written: Written) -> list[str]:
    found = _length("Text", written.wording(written.body), LONGEST_BODY)
    pieces = written.body.pieces
    if not pieces:
        return found
    if not (isinstance(pieces[0], str) and isinstance(pieces[-1], str)):
        found.append("Text: it may neither begin nor end with a placeholder. Put a word or a full stop there.")
    if any(not isinstance(a, str) and not isinstance(b, str) for a, b in pairwise(pieces)):
        found.append("Text: two placeholders touch each other. Put a word between them.")
    literal = "".join(piece for piece in pieces if isinstance(piece, str))
    count = sum(not isinstance(piece, str) for piece in pieces)
    if count and len(literal.split()) < count * _WORDS_PER_VARIABLE:
        found.append("Text: too many placeholders for so few words; WhatsApp refuses that. Write a little more.")
    if _BLANK_LINES.search(literal):
        found.append("Text: at most two empty lines may follow each other.")
    return found


def _footer_faults(written: Written) -> list[str]:
    found = _length("Footer", written.footer, LONGEST_LINE)
    if "{{" in written.footer:
        found.append("Footer: it may hold no placeholder.")
    return found


def _variable_faults(written: Written) -> list[str]:
    if written.variables != NAMED:
        return []
    names = sorted(written.body.names | written.header_text.names)
    if len({name.lower() for name in names}) < len(names):
        return ["Text: two of its fields differ by capital letters only, which WhatsApp cannot tell apart."]
    return []


def longest_of(text: Template) -> str:
    """Return a text as it counts before anybody's values are in it: placeholders at their defaults."""
    return text.renderer()({})


def _length(label: str, text: str, most: int) -> list[str]:
    return [f"{label}: {len(text)} characters; at most {most} fit."] if len(text) > most else []
