"""The text of a policy: headings, lists and paragraphs, without markup a browser could run.

A heading begins with `#`, or is a numbered line like `1. Introduction`. A line that begins with `-` is an item
of a list. Within a line, `**bold**` and `[words](https://…)` are understood. Everything else is text.
"""

import hashlib
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal, NamedTuple

LONGEST = 200_000
"""The most characters of a policy."""

_HEADING = re.compile(r"^(#{1,4})\s+(.+)$")
_NUMBERED = re.compile(r"^\d{1,2}\.\s+\S.{0,98}[^\s.:;,]$")
_ITEM = re.compile(r"^[-*•]\s+(.+)$")
_INLINE = re.compile(r"\*\*(?P<bold>[^*\n]{1,500})\*\*|\[(?P<words>[^\]\n]{1,300})\]\((?P<to>[^)\s]{1,500})\)")
_SAFE = re.compile(r"^(https?://|mailto:|/(?!/))", re.I)
_WORDS = re.compile(r"\s+|[^\s]+")


class Span(NamedTuple):
    """A piece of a line: text, strong text, or a link with its address."""

    kind: Literal["text", "bold", "link"]
    text: str
    to: str = ""


@dataclass(frozen=True, slots=True)
class Block:
    """A heading with its level, a paragraph, or a list of items; each line as spans."""

    kind: Literal["heading", "paragraph", "list"]
    lines: tuple[tuple[Span, ...], ...]
    level: int = 0

    @property
    def text(self) -> str:
        """The words of the block."""
        return "\n".join("".join(span.text for span in line) for line in self.lines)


class Change(NamedTuple):
    """A piece of a comparison: words that stayed, went or came."""

    kind: Literal["same", "gone", "new"]
    text: str


def canonical(text: str) -> str:
    """Return `text` in the one form that is digested: composed characters, plain line ends, no idle blanks."""
    composed = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n"))
    kept = "".join(letter for letter in composed if letter in "\n\t" or unicodedata.category(letter) != "Cc")
    lines = "\n".join(line.rstrip() for line in kept.split("\n"))
    return re.sub(r"\n{3,}", "\n\n", lines).strip("\n") + "\n"


def digest(text: str) -> str:
    """Return the SHA-256 of a canonical text, in hex."""
    return hashlib.sha256(text.encode()).hexdigest()


def blocks(text: str) -> list[Block]:
    """Return the blocks of a text in order."""
    found: list[Block] = []
    items: list[tuple[Span, ...]] = []
    for line in [*text.split("\n"), ""]:
        item = _ITEM.match(line.strip())
        if item:
            items.append(_spans(item[1]))
            continue
        if items:
            found.append(Block("list", tuple(items)))
            items = []
        if line.strip():
            found.append(_block(line.strip()))
    return found


def _block(line: str) -> Block:
    marked = _HEADING.match(line)
    if marked:
        return Block("heading", (_spans(marked[2]),), len(marked[1]))
    if _NUMBERED.match(line):
        return Block("heading", (_spans(line),), 2)
    return Block("paragraph", (_spans(line),))


def _spans(line: str) -> tuple[Span, ...]:
    return tuple(_pieces(line))


def _pieces(line: str) -> Iterator[Span]:
    at = 0
    for match in _INLINE.finditer(line):
        if match.start() > at:
            yield Span("text", line[at : match.start()])
        if match["bold"] is not None:
            yield Span("bold", match["bold"])
        elif _SAFE.match(match["to"]):
            yield Span("link", match["words"], match["to"])
        else:
            yield Span("text", match[0])
        at = match.end()
    if at < len(line):
        yield Span("text", line[at:])


def section(text: str, about: str) -> str | None:
    """Return the words below the first heading that holds `about`; None if there is no such heading."""
    words: list[str] | None = None
    for block in blocks(text):
        if block.kind == "heading":
            if words is not None:
                break
            if about.casefold() in block.text.casefold():
                words = []
        elif words is not None:
            words.append(block.text)
    return None if words is None else "\n".join(words)


def compare(before: str, after: str) -> list[Change]:
    """Return what `after` says differently from `before`, line by line and within changed lines word by word."""
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    found: list[Change] = []
    for step, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if step == "equal":
            found.append(Change("same", "".join(old[a:b])))
        else:
            found += _compare_words("".join(old[a:b]), "".join(new[c:d]))
    return _joined(found)


def _compare_words(before: str, after: str) -> list[Change]:
    old, new = _WORDS.findall(before), _WORDS.findall(after)
    if len(old) * len(new) > 4_000_000:
        return [Change("gone", before), Change("new", after)]
    found: list[Change] = []
    for step, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if step == "equal":
            found.append(Change("same", "".join(old[a:b])))
            continue
        found.append(Change("gone", "".join(old[a:b])))
        found.append(Change("new", "".join(new[c:d])))
    return found


def _joined(changes: list[Change]) -> list[Change]:
    found: list[Change] = []
    for each in changes:
        if not each.text:
            continue
        if found and found[-1].kind == each.kind:
            found[-1] = Change(each.kind, found[-1].text + each.text)
        else:
            found.append(each)
    return found
