"""From a content to the three texts of a letter: subject, HTML document and plain text, with slots for values."""

import re
from collections.abc import Mapping
from html import escape
from typing import Any, Final, NamedTuple

import inscriptis
from inscriptis.model.config import ParserConfig

from connectpulse.core.api import Refused, Template, parse_template

from . import blocks, slots
from .markup import Page, clean
from .slots import STOP_LINK, Marks, Mould, Slot, markup
from .tracking import rewriting
from .tracking.addresses import Tracking

STOP_LABEL: Final = "Unsubscribe"
_GAPS: Final = re.compile(r"\n{3,}")
_PREHEADER: Final = (
    '<div style="display:none;max-height:0;overflow:hidden;opacity:0;font-size:1px;line-height:1px">', "</div>\n",
)  # fmt: skip
_FOOTER: Final = (
    '\n<div style="margin:24px auto 0;padding:12px;max-width:600px;text-align:center;'
    'font:12px/1.5 Arial,sans-serif;color:#666">',
    "</div>",
)


class Draft(NamedTuple):
    """What a content makes, before it has a sender. `needs_way_out`: its author placed the link that stops messages.

    `targets` are where the links that are counted lead, the first being number 1.
    """

    subject: Mould
    html: Mould
    text: Mould
    needs_way_out: bool
    targets: tuple[Mould, ...] = ()


def draft(content: Mapping[str, Any], tracking: Tracking | None = None) -> Draft:
    """Return the texts of a content, with slots for what is counted; raise Refused with every fault in it."""
    marks, faults = Marks(), []
    found: dict[str, Template] = {}
    for name, label in PARTS.items():
        try:
            found[name] = parse_template(said(content, name))
        except Refused as refusal:
            faults += [f"{label}: {problem}" for problem in refusal.problems]
    page = None
    if "html" in found:
        try:
            page = clean(marks.marked(found["html"]), marks)
        except Refused as refusal:
            faults += refusal.problems
    if faults or page is None:
        raise Refused(*faults)
    label = said(content, "stop_label").strip() or STOP_LABEL
    is_placed = STOP_LINK in slots.names([marks.mould(page.inside)])
    text = _text(page, marks, found, label, is_placed=is_placed)
    targets: tuple[Mould, ...] = ()
    if tracking is not None and tracking.clicks:
        inside, targets = rewriting.numbered(page.inside, marks)
        page = page._replace(inside=inside)
    has_picture = tracking is not None and tracking.opens
    html = _document(page, marks, found, "" if is_placed else label, has_picture=has_picture)
    return Draft(_mould(found["subject"]), html, text, is_placed or STOP_LINK in found["text"].names, targets)


PARTS: Final[Mapping[str, str]] = {
    "subject": "Subject",
    "preheader": "Preview text",
    "html": "Letter",
    "text": "Plain text",
    "footer": "Footer",
}
"""The fields of a content whose placeholders are substituted, and what people call them."""


def said(content: Mapping[str, Any], name: str) -> str:
    """Return a text of a content with single line ends, empty where there is none; the HTML of blocks as `html`."""
    if name == "html" and content.get("blocks"):
        return blocks.html(content["blocks"], str(content.get("accent") or ""))
    return str(content.get(name) or "").replace("\r\n", "\n")


def _mould(template: Template, write: slots.Write = slots.plain) -> Mould:
    return Mould(
        tuple(
            piece if isinstance(piece, str) else Slot(piece.name, piece.default or "", write)
            for piece in template.pieces
        )
    )


def _escaped(template: Template) -> Mould:
    """Return the mould of a plain text that is shown in HTML, its lines kept."""
    return Mould(
        tuple(
            escape(piece, quote=False).replace("\n", "<br>\n")
            if isinstance(piece, str)
            else Slot(piece.name, piece.default or "", markup)
            for piece in template.pieces
        )
    )


def _document(
    page: Page, marks: Marks, found: Mapping[str, Template], label: str, *, has_picture: bool = False
) -> Mould:
    """Return the whole HTML; with a `label`, the link that stops messages stands in its footer."""
    language = f' lang="{escape(page.lang)}"' if page.lang else ""
    direction = f' dir="{page.direction}"' if page.direction else ""
    styles = f"<style>\n{page.styles}\n</style>\n" if page.styles.strip() else ""
    body_style = f' style="{escape(page.body_style)}"' if page.body_style else ""
    head = (
        f'<!DOCTYPE html>\n<html{language}{direction}>\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"{styles}</head>\n<body{body_style}>\n"
    )
    parts = [slots.literal(head)]
    if found["preheader"].pieces:
        parts += [slots.literal(_PREHEADER[0]), _escaped(found["preheader"]), slots.literal(_PREHEADER[1])]
    parts.append(marks.mould(page.inside, page.writers, markup))
    if found["footer"].pieces or label:
        parts += [slots.literal(_FOOTER[0]), _escaped(found["footer"])]
        parts += [Mould((Slot(STOP_LINK, "", _anchor(label)),))] if label else []
        parts.append(slots.literal(_FOOTER[1]))
    parts += [Mould((Slot(rewriting.OPEN_SLOT, "", rewriting.picture),))] if has_picture else []
    parts.append(slots.literal("\n</body>\n</html>\n"))
    return slots.joined(*parts)


def _anchor(label: str) -> slots.Write:
    def write(link: str) -> str:
        return f' <a href="{escape(link)}" style="color:#666">{escape(label)}</a>' if link else ""

    return write


def _text(page: Page, marks: Marks, found: Mapping[str, Template], label: str, *, is_placed: bool) -> Mould:
    """Return the plain text: the author's, or what the HTML says; then the footer and the link that stops messages."""
    if found["text"].pieces:
        parts = [_mould(found["text"])]
        is_placed = STOP_LINK in found["text"].names
    else:
        in_links = {number: write for number, write in page.writers.items() if write is slots.in_link}
        parts = [marks.mould(read_aloud(page.inside), in_links)]
    if found["footer"].pieces:
        parts += [slots.literal("\n\n-- \n"), _mould(found["footer"])]
    if not is_placed:
        parts.append(Mould((Slot(STOP_LINK, "", lambda link: f"\n\n{label}: {link}" if link else ""),)))
    parts.append(slots.literal("\n"))
    return slots.joined(*parts)


def read_aloud(html: str) -> str:
    """Return HTML as a text for programs that show none: links behind their labels, lines as long as they are."""
    if not html:
        return ""
    said = inscriptis.get_text(html, ParserConfig(display_links=True, display_images=True))
    # Tables that only lay a letter out are padded to their width, and empty cells leave empty lines.
    return _GAPS.sub("\n\n", "\n".join(line.rstrip() for line in said.splitlines())).strip()
