"""The two alphabets of SMS and the sizes they give: 3GPP TS 23.038 and the concatenation of TS 23.040.

A text that fits the GSM 7-bit alphabet takes 160 septets in one part and 153 in each of several; any
other goes as UCS-2 with 70 and 67 units of 16 bits. Extension characters (the euro sign, brackets) take
two septets, characters beyond the basic plane (emoji) two units, and neither pair is ever cut.
"""

import codecs
import re
from collections.abc import Mapping
from typing import Final, NamedTuple

BASIC: Final = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""The default alphabet by code; code 0x1B escapes to the extension table and is no character."""

EXTENSION: Final = {
    0x0A: "\f", 0x14: "^", 0x28: "{", 0x29: "}", 0x2F: "\\",
    0x3C: "[", 0x3D: "~", 0x3E: "]", 0x40: "|", 0x65: "€",
}  # fmt: skip
"""The extension table: the code that follows the escape, and its character."""

MOST_PARTS: Final = 255
"""The most parts a concatenated message can number (one octet, TS 23.040 section 9.2.3.24.1)."""

_ESCAPE = "\x1b"
_CHARACTERS = BASIC.replace(_ESCAPE, "")
_NOT_GSM = re.compile("[^" + re.escape(_CHARACTERS + "".join(EXTENSION.values())) + "]")
_MARK = "\ud800"  # a lone surrogate: stands before a character of double size, and occurs in no text

_PLAIN = "".join(c for c in _CHARACTERS if c.isascii()).encode()
_PLAIN_CODES = bytes(max(BASIC.find(chr(code)), 0) for code in range(256))
_CODES: dict[int, int | bytes] = {ord(c): BASIC.index(c) for c in _CHARACTERS}
_CODES |= {ord(c): bytes((0x1B, code)) for code, c in EXTENSION.items()}
_ESCAPED = {BASIC[code]: character for code, character in EXTENSION.items()}
_ESCAPE_PAIR = re.compile("\x1b(.?)", re.DOTALL)

_SMART: dict[int, str | int | None] = str.maketrans(
    dict.fromkeys("‘’‚‛′´`ʼ", "'")
    | dict.fromkeys("“”„‟″«»", '"')
    | dict.fromkeys("‐‑‒–—―−", "-")
    | dict.fromkeys("\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\t", " ")
    | dict.fromkeys("\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff")
    | {"…": "...", "•": "*", "\u2028": "\n", "\u2029": "\n"}
)
_STUBBORN = re.compile("[^" + re.escape(_CHARACTERS + "".join(EXTENSION.values()) + "".join(map(chr, _SMART))) + "]")


class Alphabet(NamedTuple):
    """One of the two: `wide` finds characters of double size, `room` is what one part holds.

    `room` is keyed by the bits of the concatenation reference beside the text: 0 (none), 8 or 16.
    """

    name: str
    wide: re.Pattern[str]
    room: Mapping[int, int]


GSM: Final = Alphabet(
    "GSM-7", re.compile("[" + re.escape("".join(EXTENSION.values())) + "]"), {0: 160, 8: 153, 16: 152}
)
UCS2: Final = Alphabet("UCS-2", re.compile("[\U00010000-\U0010ffff]"), {0: 70, 8: 67, 16: 66})


class Size(NamedTuple):
    """What a text takes: `units` are septets in GSM-7 and 16-bit units in UCS-2."""

    alphabet: Alphabet
    units: int
    parts: int


def is_gsm(text: str) -> bool:
    """Return whether the GSM 7-bit alphabet with its extension table can express `text`."""
    return _is_plain(text) or _NOT_GSM.search(text) is None


def outside_gsm(text: str) -> list[str]:
    """Return the characters that force UCS-2, each once, in order of appearance."""
    return list(dict.fromkeys(_NOT_GSM.findall(text)))


def measure(text: str) -> Size:
    """Return alphabet, units and parts of `text`, with references of 8 bits where it takes several."""
    units = len(text)
    if _is_plain(text):
        return Size(GSM, units, 1 if units <= 160 else -(-units // 153))
    alphabet = UCS2 if _NOT_GSM.search(text) else GSM
    _, wide, room = alphabet
    units += len(wide.findall(text))
    if units <= room[0]:
        return Size(alphabet, units, 1)
    if units == len(text):
        return Size(alphabet, units, -(-units // room[8]))
    return Size(alphabet, units, len(_cut(text, wide, room[8])))


def split(text: str, reference_bits: int = 8, alphabet: Alphabet | None = None) -> list[str]:
    """Cut `text` into the parts it is sent in; raise ValueError if it needs more than 255.

    `reference_bits` is the width of the concatenation reference, 8 or 16, which takes room in each of
    several parts. `alphabet` need not be found out where the caller knows it, or wants UCS2 for a text
    that GSM could express.
    """
    if alphabet is not UCS2 and len(text) <= 160 and _is_plain(text):
        return [text]
    if alphabet is None:
        alphabet = GSM if is_gsm(text) else UCS2
    _, wide, room = alphabet
    if len(text) + len(wide.findall(text)) <= room[0]:
        return [text]
    parts = _cut(text, wide, room[reference_bits])
    if len(parts) > MOST_PARTS:
        raise ValueError(f"The text takes {len(parts)} parts; at most {MOST_PARTS} can be numbered.")
    return parts


def encode_gsm(text: str) -> bytes:
    """Return the septets of `text`, one an octet (unpacked); raise UnicodeEncodeError if it has others."""
    if _is_plain(text):
        return text.encode().translate(_PLAIN_CODES)
    return codecs.charmap_encode(text, "strict", _CODES)[0]


def decode_gsm(octets: bytes) -> str:
    """Return the text of unpacked septets; what the tables leave undefined becomes U+FFFD.

    An escape before a code without extension shows that code's basic character (TS 23.038 6.2.1.1).
    """
    text = codecs.charmap_decode(octets, "replace", BASIC)[0]
    if _ESCAPE not in text:
        return text
    return _ESCAPE_PAIR.sub(lambda pair: _ESCAPED.get(pair[1], pair[1].replace(_ESCAPE, " ")), text)


def straighten(text: str) -> str:
    """Replace typographic quotes, dashes, spaces and ellipses where that lets `text` fit GSM-7.

    A text that needs UCS-2 anyway, such as one in Urdu, keeps its own punctuation.
    """
    if is_gsm(text) or _STUBBORN.search(text):
        return text
    return text.translate(_SMART)


def _is_plain(text: str) -> bool:
    """Return whether `text` is ASCII of one septet each: the common case, decided without a regex."""
    return text.isascii() and not text.encode().translate(None, _PLAIN)


def _cut(text: str, wide: re.Pattern[str], limit: int) -> list[str]:
    """Cut into pieces of `limit` units, a `wide` character counting two and staying whole."""
    marked = wide.sub(_MARK + r"\g<0>", text)
    parts = []
    start = 0
    while start < len(marked):
        end = start + limit
        if marked[end - 1 : end] == _MARK:
            end -= 1
        parts.append(marked[start:end].replace(_MARK, ""))
        start = end
    return parts
