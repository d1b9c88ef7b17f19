"""Text with a few signs for what it should look like, turned into HTML. Placeholders pass unchanged."""

import re
from html import escape
from typing import Final

_PLACEHOLDER: Final = re.compile(r"(\{\{.*?\}\})", re.DOTALL)
_LINKED: Final = re.compile(
    r"(?P<shown>!?)\[(?P<label>(?:\{\{.*?\}\}|[^\[\]])*)\]\((?P<link>(?:\{\{.*?\}\}|[^()\s])+)\)"
)
_BOLD: Final = re.compile(r"\*\*(?=\S)(.+?)(?<=\S)\*\*", re.DOTALL)
_ITALIC: Final = re.compile(r"(?<![*\w])\*(?=[^\s*])(.+?)(?<=[^\s*])\*(?![*\w])", re.DOTALL)
_ITEM: Final = re.compile(r"[-•]\s+")


def plain(text: str) -> str:
    """Return a text as HTML shows it, in an attribute too."""
    pieces = _PLACEHOLDER.split(text)
    return "".join(piece if place % 2 else escape(piece) for place, piece in enumerate(pieces))


def paragraphs(text: str, accent: str) -> str:
    """Return a text in paragraphs and lists; links have the colour `accent`."""
    chunks = [chunk.strip() for chunk in re.split(r"\n\s*\n", text.replace("\r\n", "\n")) if chunk.strip()]
    return "".join(_chunk(chunk, accent) for chunk in chunks)


def _chunk(chunk: str, accent: str) -> str:
    lines = chunk.split("\n")
    if all(_ITEM.match(line) for line in lines):
        items = "".join(f"<li>{inline(_ITEM.sub('', line, count=1), accent)}</li>" for line in lines)
        return f'<ul dir="auto" style="margin:0 0 16px;padding-inline-start:24px">{items}</ul>'
    inside = "<br>".join(inline(line, accent) for line in lines)
    return f'<p dir="auto" style="margin:0 0 16px">{inside}</p>'


def inline(text: str, accent: str) -> str:
    """Return a line with its links, pictures, bold and italic words."""
    found, at = [], 0
    for each in _LINKED.finditer(text):
        found += [_styled(text[at : each.start()]), _linked(each, accent)]
        at = each.end()
    return "".join([*found, _styled(text[at:])])


def _linked(found: re.Match[str], accent: str) -> str:
    link = plain(found["link"])
    if found["shown"]:
        return f'<img src="{link}" alt="{plain(found["label"])}" style="max-width:100%;height:auto;border:0">'
    return f'<a href="{link}" style="color:{accent}">{_styled(found["label"])}</a>'


def _styled(text: str) -> str:
    pieces = _PLACEHOLDER.split(text.replace("\x1a", ""))
    held = [piece for place, piece in enumerate(pieces) if place % 2]
    bare = "".join(f"\x1a{place // 2}\x1a" if place % 2 else escape(piece) for place, piece in enumerate(pieces))
    styled = _ITALIC.sub(r"<em>\1</em>", _BOLD.sub(r"<strong>\1</strong>", bare))
    return re.sub("\x1a(\\d+)\x1a", lambda number: held[int(number[1])], styled)
