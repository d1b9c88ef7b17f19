"""Reading a file of contacts, whoever made it: its encoding, its delimiter, its rows, from any offset.

A file is turned into UTF-8 with plain newlines while it is uploaded, and kept in pieces of `CHUNK` bytes, so
that any worker can go on at a byte. Nothing here holds more than a piece and a record in memory: an endless
line or an unclosed quote costs one fault, not the machine.
"""

import codecs
import csv
import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import IO

from charset_normalizer import from_bytes

from ..errors import Refused

CHUNK = 1 << 20
SAMPLE = 1 << 16
LONGEST_RECORD = 64 * 1024
DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "vertical bar"}

_MAGIC = {
    b"PK\x03\x04": "This is an Excel or ZIP file. Save the sheet as CSV and upload that.",
    b"\xd0\xcf\x11\xe0": "This is an old Excel file. Save the sheet as CSV and upload that.",
    b"%PDF": "This is a PDF. Upload a CSV file.",
    b"\x1f\x8b": "This file is compressed. Unpack it and upload the CSV file itself.",
}
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True, slots=True)
class Record:
    """One row: the line it begins on (from 1), its cells, and the offset and line after it.

    `fault` set means the row could not be read; its cells are then empty.
    """

    line: int
    cells: list[str]
    end: int
    next_line: int
    fault: str = ""


def find_encoding(sample: bytes) -> str:
    """Return the encoding of a file by its first bytes; raise Refused for what is no text at all."""
    for magic, sentence in _MAGIC.items():
        if sample.startswith(magic):
            raise Refused(sentence)
    if not sample.strip():
        raise Refused("The file is empty.")
    for bom, name in _BOMS:
        if sample.startswith(bom):
            return name
    try:
        codecs.getincrementaldecoder("utf-8")().decode(sample)
    except UnicodeDecodeError:
        pass
    else:
        if b"\x00" not in sample:
            return "utf-8"
    guess = from_bytes(sample).best()
    if guess is None:
        raise Refused("This is not a text file. Upload a CSV file.")
    return guess.encoding


def pieces(stream: IO[bytes], encoding: str, sample: bytes) -> Iterator[bytes]:
    """Yield the file as UTF-8 in pieces of exactly `CHUNK` bytes, the last one shorter."""
    decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder(encoding)("replace"), translate=True)
    buffer = bytearray()
    block, is_last = sample, False
    while not is_last:
        following = stream.read(SAMPLE)
        is_last = not following
        text: str = decoder.decode(block, final=is_last)
        buffer += text.encode()
        while len(buffer) >= CHUNK:
            yield bytes(buffer[:CHUNK])
            del buffer[:CHUNK]
        block = following
    if buffer:
        yield bytes(buffer)


def find_delimiter(text: str) -> str:
    """Return the delimiter that cuts the first lines into the most even rows."""
    lines = [line for line in text.splitlines()[:50] if line.strip()]

    def evenness(delimiter: str) -> tuple[int, int]:
        widths = [len(row) for row in csv.reader(lines, delimiter=delimiter)]
        width = max(set(widths), key=widths.count)
        return (widths.count(width) if width > 1 else 0, width)

    best = max(DELIMITERS, key=evenness)
    return best if evenness(best)[0] else ","


def records(read: Callable[[int], bytes | None], delimiter: str, offset: int, line: int) -> Iterator[Record]:
    """Yield the rows from `offset` (a byte, the beginning of line `line`) on.

    `read(n)` returns piece `n` of the file, None after the last.
    """
    source = _Lines(read, offset, line)
    reader = csv.reader(source, delimiter=delimiter)
    while True:
        start_offset, start_line = source.begin_record()
        try:
            cells = next(reader)
            source.end_record(delimiter)
        except StopIteration:
            return
        except _Runaway as error:
            # Whatever was swallowed by an unclosed quote or an endless line: only its first line is lost.
            source.restart(start_offset, start_line)
            source.skip_line()
            reader = csv.reader(source, delimiter=delimiter)
            yield Record(start_line, [], source.offset, source.line, str(error))
            continue
        except csv.Error as error:
            reader = csv.reader(source, delimiter=delimiter)
            yield Record(start_line, [], source.offset, source.line, f"cannot be read ({error})")
            continue
        yield Record(start_line, cells, source.offset, source.line)


_UNCLOSED = "opens a quotation mark that is not closed"


class _Runaway(Exception):
    """A row goes on over the lines of others, or for longer than any row of contacts."""


class _Lines:
    """The file's lines for `csv.reader`, with the offset and number of the next one."""

    def __init__(self, read: Callable[[int], bytes | None], offset: int, line: int) -> None:
        self._read = read
        self._loaded = (-1, b"")
        self.restart(offset, line)

    def restart(self, offset: int, line: int) -> None:
        self.offset = offset
        self.line = line
        self._record = 0
        self._taken: list[str] = []

    def begin_record(self) -> tuple[int, int]:
        """Return where the next record begins; its length counts from here."""
        self._record = 0
        self._taken.clear()
        return self.offset, self.line

    def end_record(self, delimiter: str) -> None:
        """Raise where a row of several lines is no row: what opened a quotation mark is closed by another row's."""
        if len(self._taken) < 2:
            return
        try:
            list(csv.reader(self._taken, delimiter=delimiter, strict=True))
        except csv.Error:
            raise _Runaway(_UNCLOSED) from None

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        number, start = divmod(self.offset, CHUNK)
        loaded, piece = self._loaded
        end = piece.find(b"\n", start) + 1 if loaded == number else 0
        raw = piece[start:end] if end else self._line(LONGEST_RECORD + 1)
        if not raw:
            if self._record:  # only within quotation marks is more of a row asked for
                raise _Runaway(_UNCLOSED)
            raise StopIteration
        self._record += len(raw)
        if self._record > LONGEST_RECORD:
            raise _Runaway("is longer than 64 kB; look for a quotation mark that is not closed")
        self.offset += len(raw)
        self.line += 1
        self._taken.append(raw.decode("utf-8", "replace"))
        return self._taken[-1]

    def skip_line(self) -> None:
        """Go to the beginning of the next line, however far that is."""
        while raw := self._line(CHUNK):
            self.offset += len(raw)
            if raw.endswith(b"\n"):
                break
        self.line += 1

    def _line(self, longest: int) -> bytes:
        """Return the rest of the line at `offset`, at most `longest` bytes, empty at the end of the file."""
        found = b""
        position = self.offset
        while len(found) < longest:
            number, start = divmod(position, CHUNK)
            piece = self._piece(number)
            if piece is None or start >= len(piece):
                break
            end = piece.find(b"\n", start) + 1 or len(piece)
            part = piece[start : min(end, start + longest - len(found))]
            found += part
            position += len(part)
            if part.endswith(b"\n"):
                break
        return found

    def _piece(self, number: int) -> bytes | None:
        if self._loaded[0] != number:
            piece = self._read(number)
            if piece is None:
                return None
            self._loaded = (number, piece)
        return self._loaded[1]


def shown(cells: Iterable[str]) -> str:
    """Return a row as it may be repeated in a report of faults."""
    return ", ".join(cells)[:200]
