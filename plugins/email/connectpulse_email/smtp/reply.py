"""Replies of a mail server as values: the code, the enhanced code where there is one, and the words."""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final, NamedTuple

_ENHANCED: Final = re.compile(r"([245])\.(\d{1,3})\.(\d{1,3})(?:\s|$)")
LARGEST: Final = 64 * 1024
"""Bytes of one reply that are read at most."""
_MOST_LINES: Final = 200
_LINE: Final = re.compile(r"[2-5][0-9]{2}(?:[ -]|$)")


class Reply(NamedTuple):
    """A reply (RFC 5321 section 4.2): `status` is its enhanced code (RFC 3463), empty where it has none."""

    code: int
    status: str
    lines: tuple[str, ...]

    @property
    def is_good(self) -> bool:
        """Whether the server did what it was asked."""
        return 200 <= self.code < 400

    @property
    def text(self) -> str:
        """The words on one line, for a person."""
        return " ".join(self.lines)[:200]


class Garbled(Exception):
    """What came is no reply of a mail server."""


class Replies:
    """Cuts a stream of bytes into replies."""

    def __init__(self) -> None:
        self._rest = b""
        self._lines: list[str] = []

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left that belongs to a reply."""
        return not self._rest and not self._lines

    def feed(self, chunk: bytes) -> Iterator[Reply]:
        """Yield the replies that are complete now; raise Garbled for what is none, or too long."""
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            yield from self._take(line.rstrip(b"\r").decode("utf-8", "replace"))
        if not self.is_empty and len(self._rest) + sum(map(len, self._lines)) > LARGEST:
            raise Garbled("a reply that does not end")

    def _take(self, line: str) -> list[Reply]:
        if not _LINE.match(line):
            raise Garbled("something that is no reply")
        self._lines.append(line[4:].strip())
        if len(self._lines) > _MOST_LINES:
            raise Garbled("a reply that does not end")
        if line[3:4] == "-":
            return []
        lines, self._lines = tuple(self._lines), []
        return [Reply(int(line[:3]), _status(lines[-1]) or _status(lines[0]), lines)]


@lru_cache(maxsize=128)  # a server says the same of most letters
def _status(line: str) -> str:
    enhanced = _ENHANCED.match(line)
    return ".".join(enhanced.groups()) if enhanced else ""
