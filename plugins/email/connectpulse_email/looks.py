"""What a reader's program or filter may hold against a letter, told while it is written."""

from collections.abc import Sequence
from html.parser import HTMLParser
from typing import Final
from urllib.parse import urlsplit

_CLIPPED: Final = 102_000
"""Bytes of HTML from which on Gmail shows a letter only in part."""
_FEW_WORDS: Final = 20


class _Look(HTMLParser):
    """Reads a finished letter: its pictures, its links with the words they show, its words."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pictures = self.nameless = 0
        self.links: list[tuple[str, str]] = []
        self.text = ""
        self._link: str | None = None
        self._begin = 0
        self._is_style = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        if tag == "img":
            self.pictures += 1
            self.nameless += not (named.get("alt") or "").strip()
        if tag == "a":
            self._link, self._begin = named.get("href") or "", len(self.text)
        self._is_style = tag == "style"

    def handle_endtag(self, tag: str) -> None:
        self._is_style = self._is_style and tag != "style"
        if tag == "a" and self._link is not None:
            self.links.append((self._link, self.text[self._begin :].strip()))
            self._link = None

    def handle_data(self, data: str) -> None:
        self.text += "" if self._is_style else data


def warnings(subject: str, html: str) -> Sequence[str]:
    """Return what is worth a second look about a finished letter, one sentence each."""
    look = _Look()
    look.feed(html)
    look.close()
    found = []
    if len(html.encode()) > _CLIPPED:
        found.append("The letter is larger than 102 KB: Gmail shows only its beginning.")
    if subject.isupper() and len(subject) > 3:
        found.append("A subject in capitals looks like spam.")
    if "!!" in subject or subject.count("!") > 2:
        found.append("Many exclamation marks in the subject look like spam.")
    if look.nameless:
        found.append(f"Pictures that do not say what they show: {look.nameless}. Many people see no pictures at first.")
    if look.pictures and len(look.text.split()) < _FEW_WORDS:
        found.append("The letter is little else than pictures: filters mistrust it, and many people see none at first.")
    found += [
        f"A link that shows {shown[:60]!r} leads to {_host(link)}: filters take that for a fraud."
        for link, shown in look.links
        if _host(shown) and _host(link) and _host(shown) != _host(link)
    ][:3]
    if any(link.startswith("http://") for link, _ in look.links):
        found.append("Some links begin with http://. Use https:// where it is offered.")
    return found


def _host(text: str) -> str:
    """Return the host of an address, empty for another text; www. makes no difference."""
    if " " in text or "." not in text:
        return ""
    written = text if "//" in text else f"//{text}" if text.lower().startswith("www.") else ""
    try:
        return (urlsplit(written).hostname or "").removeprefix("www.")
    except ValueError:
        return ""
