"""Segments of the write-ahead log as the store has them: compressed, encrypted, and signed inside.

Whoever may write to the store could encrypt a segment of his own for the public recipient. So each carries what it
is, signed by the site, in a frame that zstd passes over: `age` and `zstd` alone still open one.
"""

import hashlib
import json
import re
import struct
from collections.abc import Iterable

import pyrage
import zstandard
from pyrage import x25519

from ...errors import Refused
from ...storage.trust import canonical, sealed, trust, unsealed
from .pipes import LEVEL

FOLDER = "wal"
FILE = ".zst.age"
SIZE = 16 << 20
"""Bytes of a segment: PostgreSQL's own default, which the embedded server keeps."""

_SKIPPED = 0x184D2A50
_HEAD = struct.Struct("<II")
_NAME = re.compile(r"[0-9A-F]{24}")
_A_LOG = 0x1_0000_0000 // SIZE


def is_segment(name: str) -> bool:
    """Return whether `name` is that of a segment; histories and labels of the log are others."""
    return bool(_NAME.fullmatch(name))


def stored(line: str, name: str) -> str:
    """Return a segment's name in the store."""
    return f"{FOLDER}/{line}/{name}{FILE}"


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def seal(line: str, name: str, content: bytes, recipient: x25519.Recipient) -> bytes:
    """Return a segment as it is put away."""
    told = canonical(sealed({"line": line, "name": name, "digest": digest(content)}))
    packed = zstandard.ZstdCompressor(level=LEVEL, write_checksum=True).compress(content)
    sealed_segment: bytes = pyrage.encrypt(_HEAD.pack(_SKIPPED, len(told)) + told + packed, [recipient])
    return sealed_segment


def unseal(line: str, name: str, content: bytes, identity: x25519.Identity) -> bytes:
    """Return the segment; raise Refused with its name if it is not what this site put away under it."""
    try:
        plain = pyrage.decrypt(content, [identity])
    except pyrage.DecryptError as error:
        if "matching keys" in str(error):
            raise Refused(f"This key does not open the segment {name}: it was encrypted for another.") from None
        raise Refused(f"The segment {name} was changed, or is cut short.") from None
    try:
        magic, length = _HEAD.unpack_from(plain)
        told = unsealed(json.loads(plain[_HEAD.size : _HEAD.size + length]), trust.public_key)
        opened = zstandard.ZstdDecompressor().decompress(plain[_HEAD.size + length :], max_output_size=SIZE)
    except (ValueError, AttributeError, struct.error, zstandard.ZstdError):
        raise Refused(f"The segment {name} was changed, or is cut short.") from None
    if magic != _SKIPPED or told != {"line": line, "name": name, "digest": digest(opened)}:
        raise Refused(f"The segment {name} is not what this site put away under that name.")
    return opened


def following(name: str) -> str:
    """Return the name of the segment after `name`, on the same timeline."""
    number = int(name[8:16], 16) * _A_LOG + int(name[16:], 16) + 1
    return f"{name[:8]}{number // _A_LOG:08X}{number % _A_LOG:08X}"


def unbroken(first: str, there: Iterable[str]) -> list[str]:
    """Return the names from `first` on that follow one another without a gap."""
    known, found, name = set(there), [], first
    while name in known:
        found.append(name)
        name = following(name)
    return found
