"""What is played on a telephone: 16-bit samples of one channel, 8,000 a second."""

import io
import wave
from collections.abc import Sequence
from typing import NamedTuple

from connectpulse.core.api import Refused

RATE = 8000
"""Samples a second: what a telephone line carries."""
_BYTES = 2


class Faulty(Refused):
    """A prompt cannot be made; says in a sentence what is wrong and what to do."""


class Prompt(NamedTuple):
    """A sound as it is played: `pcm` is 16-bit little-endian mono at 8 kHz, without a header."""

    pcm: bytes
    seconds: float


def prompt(pcm: bytes) -> Prompt:
    """Return samples with how long they last."""
    return Prompt(pcm, len(pcm) / _BYTES / RATE)


def silence(seconds: float) -> bytes:
    """Return `seconds` of nothing."""
    return bytes(round(seconds * RATE) * _BYTES)


def joined(pieces: Sequence[bytes], pause: float) -> Prompt:
    """Return pieces one after the other with `pause` seconds between them."""
    return prompt(silence(pause).join(pieces))


def wav(pcm: bytes) -> bytes:
    """Return samples as a WAV file."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(_BYTES)
        writer.setframerate(RATE)
        writer.writeframes(pcm)
    return file.getvalue()
