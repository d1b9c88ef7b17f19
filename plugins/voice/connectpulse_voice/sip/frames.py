"""What worker and phone say to each other: a line of JSON, and behind it the sound it announces."""

import asyncio
import json
from typing import Any, Final, NamedTuple

LONGEST_LINE: Final = 1 << 20
_SIZE: Final = "bytes"


class Frame(NamedTuple):
    """Words, and what they carry; most carry nothing."""

    words: dict[str, Any]
    sound: bytes = b""


def written(words: dict[str, Any], sound: bytes = b"") -> bytes:
    """Return a frame as it is written."""
    if sound:
        words = {**words, _SIZE: len(sound)}
    return json.dumps(words, separators=(",", ":")).encode() + b"\n" + sound


async def read(reader: asyncio.StreamReader) -> Frame | None:
    """Return the next frame, None where the other side is gone."""
    try:
        line = await reader.readuntil(b"\n")
        words = json.loads(line)
        return Frame(words, await reader.readexactly(words.pop(_SIZE, 0)))
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
