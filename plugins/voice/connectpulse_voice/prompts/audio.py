"""The sound of one call: a recording as it was uploaded."""

import io
import wave
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from connectpulse.core.api import Submission

RATE: Final = 8000
"""Samples a second."""

FIELDS: Final = {"prompt": ("text", "recording"), "more": ("more_text", "more_recording")}
"""By what is to be heard: the field of the text that is read aloud, and of the recording."""


class Faulty(Exception):
    """There is no sound for this call; the message is a sentence for people."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """16-bit samples, mono, 8 kHz, little endian; and how long they last."""

    pcm: bytes
    seconds: float


async def audio(shared: Mapping[str, Any], submission: Submission, which: str = "prompt") -> Prompt:
    """Return what is heard: `which` is `prompt`, or `more` for what a key asks for. Raise Faulty if there is none.

    `shared` is what the channel shares: `content`, and `recordings` as bytes by the field that names each. Values
    of placeholders are in `submission.extra["values"]`, and `submission.body` is the whole text of `prompt`.
    """
    _, field = FIELDS[which]
    recording = shared.get("recordings", {}).get(field)
    if not recording:
        raise Faulty("There is no recording.")
    return _read(recording)


def _read(recording: bytes) -> Prompt:
    try:
        with wave.open(io.BytesIO(recording)) as file:
            if (file.getnchannels(), file.getsampwidth(), file.getframerate()) != (1, 2, RATE):
                raise Faulty("The recording is not a mono WAV of 16 bits and 8 kHz.")
            pcm = file.readframes(file.getnframes())
    except (wave.Error, EOFError) as fault:
        raise Faulty("The recording is not a WAV file.") from fault
    return Prompt(pcm, len(pcm) / 2 / RATE)
