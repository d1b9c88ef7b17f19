"""The sound of a call: a recording as it was uploaded, or a text read aloud with the recipient's values."""

import asyncio
import hashlib
from collections.abc import Mapping
from typing import Any, Final

from connectpulse.core.api import Submission

from ..form import RECORDING
from . import desk, shelf, speech
from .sound import Faulty, Prompt, prompt

FIELDS: Final = {"prompt": ("text", "recording"), "more": ("more_text", "more_recording")}
"""By what is to be heard: the field of the text that is read aloud, and of the recording."""

MOST_SECONDS: Final = 600
"""How long a recording may be."""

LARGEST: Final = 10 << 20
"""Bytes of the largest recording."""


async def audio(shared: Mapping[str, Any], submission: Submission, which: str = "prompt") -> Prompt:
    """Return what is heard: `which` is `prompt`, or `more` for what a key asks for. Raise Faulty if there is none.

    `shared` is what the channel shares: `content`, and `recordings` as bytes by the field that names each. Values
    of placeholders are in `submission.extra["values"]`. The work is done by a few child processes, in turn; the
    loop does not wait for them.
    """
    values = (submission.extra or {}).get("values") or {}
    return await asyncio.get_running_loop().run_in_executor(desk.pool, _sound, shared, values, which)


def is_recorded(content: Mapping[str, Any], which: str = "prompt") -> bool:
    """Return whether a recording is heard, and no text."""
    _, recording = FIELDS[which]
    return content.get("prompt") == RECORDING if which == "prompt" else bool(content.get(recording))


def spoken(content: Mapping[str, Any], values: Mapping[str, str], which: str = "prompt") -> Prompt:
    """Return the text of a content read aloud to somebody with these values; raise Faulty if it cannot be."""
    text, _ = FIELDS[which]
    said = str(content.get(text) or "")
    return speech.speak(said, values, str(content.get("language") or "en"), int(content.get("pace") or 150))


def recorded(recording: bytes) -> Prompt:
    """Return a recording as a telephone plays it; raise Faulty with what is wrong with it."""
    if len(recording) > LARGEST:
        raise Faulty(f"The recording has more than {LARGEST >> 20} MB. Please export it as MP3, or shorten it.")
    digest = hashlib.sha256(recording).hexdigest()
    return prompt(shelf.kept(("recording", "1", digest), lambda: desk.decode(recording, MOST_SECONDS)))


def _sound(shared: Mapping[str, Any], values: Mapping[str, str], which: str) -> Prompt:
    content = shared.get("content") or {}
    if not is_recorded(content, which):
        return spoken(content, values, which)
    recording = (shared.get("recordings") or {}).get(FIELDS[which][1])
    if not recording:
        raise Faulty("The recording is missing. Please choose one in the template.")
    return recorded(recording)
