"""Encodings of mail that are quick to join: quoted-printable by pieces, base64, and words in headers.

Quoted-printable is written so that a signature's "relaxed" form (RFC 6376 section 3.4.4) is the text itself: no two
blanks in a row, none at a line's end. No line begins with a dot, which SMTP would have to double, or with "From ".
"""

import re
from base64 import b64encode
from typing import Final
from urllib.parse import quote

_WIDTH: Final = 75
_TOKENS: Final = tuple(
    bytes([byte]) if 32 <= byte <= 126 and byte != 61 else b"=%02X" % byte  # 61 is the equals sign
    for byte in range(256)
)
_SOFT: Final = b"=\r\n"
LINE_ENDS: Final = re.compile(r"\r\n|\r|\n")
_WORD_BYTES: Final = 45
"""Bytes of text in one encoded word, so that it has at most 75 characters (RFC 2047 section 2)."""
_LONGEST_PLAIN: Final = 200
"""Characters of a parameter that stays on its line: not every program puts pieces together."""
_PIECE: Final = 60
"""Characters of an encoded parameter on one line: whole signs, so that each piece can be read alone."""


def quoted(text: str, *, is_joined: bool = False) -> bytes:
    """Return `text` in quoted-printable (RFC 2045 section 6.7), with CRLF at its line ends.

    With `is_joined` another piece follows: then it ends at the beginning of a line, so that pieces can be joined.
    """
    lines = [_quoted_line(line) for line in LINE_ENDS.split(text)]
    whole = b"\r\n".join(lines)
    return whole + _SOFT if is_joined and lines[-1] else whole


def _quoted_line(text: str) -> bytes:
    return _wrapped(text.encode().replace(b"=", b"=3D")) if _is_plain(text) else _by_bytes(text.encode())


def _is_plain(text: str) -> bool:
    """Return whether a line is its own encoding, but for equals signs and its length."""
    return (
        text.isascii()
        and text.isprintable()
        and "  " not in text
        and not text.endswith(" ")
        and not text.startswith((".", "From "))
    )


def _wrapped(line: bytes) -> bytes:
    """Return an encoded line of plain text as lines of 75 characters at most, none cut within an equals sign."""
    if len(line) <= _WIDTH:
        return line
    made, start = bytearray(), 0
    while True:
        if start and (line[start] == 46 or line.startswith(b"From ", start)):
            made += b"=%02X" % line[start]
            start, end = start + 1, start + _WIDTH - 2
        else:
            end = start + _WIDTH
        if end >= len(line):
            return bytes(made + line[start:])
        sign = line.rfind(b"=", end - 2, end)
        end = end if sign < 0 else sign
        made += line[start:end] + _SOFT
        start = end


def _by_bytes(line: bytes) -> bytes:
    made = bytearray()
    column, last = 0, len(line) - 1
    for place, byte in enumerate(line):
        token = _TOKENS[byte]
        is_blank = byte == 32 and (place == last or line[place + 1] in b" \t")
        if is_blank or (column == 0 and (byte == 46 or line.startswith(b"From ", place))):
            token = b"=%02X" % byte
        if column + len(token) > _WIDTH:
            made += _SOFT
            column = 0
            if byte in b".F":
                token = b"=%02X" % byte
        made += token
        column += len(token)
    return bytes(made)


def based(content: bytes) -> bytes:
    """Return base64 in lines of 76 characters, each with its CRLF."""
    whole = b64encode(content)
    return b"".join([whole[start : start + 76] + b"\r\n" for start in range(0, len(whole), 76)])


def is_better_based(text: str) -> bool:
    """Return whether base64 makes `text` shorter than quoted-printable would: with scripts other than Latin."""
    size = len(text.encode())
    return size * 4 / 3 < size + 2 * sum(1 for byte in text.encode() if byte > 126)


def words(text: str) -> bytes:
    """Return the text of a header: as it is in ASCII, else as encoded words (RFC 2047), folded."""
    if text.isascii() and "=?" not in text:
        return _folded(text)
    made, chunk = [], b""
    for sign in text:
        encoded = sign.encode()
        if len(chunk) + len(encoded) > _WORD_BYTES:
            made.append(chunk)
            chunk = b""
        chunk += encoded
    made.append(chunk)
    return b"\r\n ".join(b"=?utf-8?b?" + b64encode(each) + b"?=" for each in made)


def _folded(text: str) -> bytes:
    """Fold a line of ASCII at blanks, where it has some."""
    if len(text) <= 64:
        return text.encode()
    lines = [""]
    for word in text.split(" "):
        if lines[-1] and len(lines[-1]) + len(word) > 64:
            lines.append(word)
        else:
            lines[-1] += (" " if lines[-1] else "") + word
    return "\r\n ".join(lines).encode()


def mailbox(name: str, address: str) -> bytes:
    """Return a name and an address as a header shows them."""
    if not name:
        return address.encode()
    if name.isascii() and "=?" not in name:
        escaped = name.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}" <{address}>'.encode()
    return words(name) + b"\r\n <" + address.encode() + b">"


def parameter(name: str, value: str) -> bytes:
    """Return a parameter of a header, like `filename="…"`, in folded pieces where it is not plain (RFC 2231)."""
    if _is_plain(value) and len(value) <= _LONGEST_PLAIN and not set(value) & set('"\\'):
        return f'{name}="{value}"'.encode()
    pieces = ["utf-8''"]
    for sign in value:
        encoded = quote(sign, safe="")
        if len(pieces[-1]) + len(encoded) > _PIECE:
            pieces.append("")
        pieces[-1] += encoded
    if len(pieces) == 1:
        return f"{name}*={pieces[0]}".encode()
    return ";\r\n ".join(f"{name}*{number}*={piece}" for number, piece in enumerate(pieces)).encode()
