"""Addresses at which a gateway fetches a prompt: made without storing anything, good for a day, telling nothing.

What is played is named in the address itself, encrypted with a key of this site.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from connectpulse.core.api import Answer, Door, Knock, NotFound

from ..seal import opened, sealed
from . import making
from .sound import Prompt, wav

if TYPE_CHECKING:
    from connectpulse.core.api import Work

GOOD_FOR: Final = timedelta(days=1)
_PATH = "/hooks/voice/prompt/"
_CALLBACKS = "/callbacks/"


def address(callback_url: str, content: Mapping[str, Any], values: Mapping[str, str], which: str) -> str:
    """Return where a call's sound is fetched; `callback_url` is any callback address of this site."""
    text, recording = making.FIELDS[which]
    if making.is_recorded(content, which):
        asked: dict[str, Any] = {"file": content.get(recording)}
    else:
        said = {name: content.get(name) for name in ("language", "pace")} | {"text": content.get(text)}
        asked = {"content": said, "values": dict(values)}
    return callback_url.partition(_CALLBACKS)[0] + _PATH + sealed(_key(), asked)


def _answer(work: "Work", knock: Knock) -> Answer:
    """Return the sound an address of ours names; raise NotFound for any other."""
    asked = opened(_key(), knock.rest.removesuffix(".wav"), GOOD_FOR)
    sound = _recording(work, asked["file"]) if "file" in asked else making.spoken(asked["content"], asked["values"])
    return Answer(content_type="audio/wav", content=wav(sound.pcm))


def _recording(work: "Work", file_id: int | None) -> Prompt:
    from connectpulse.core.api import files  # here, because it maps the tables

    if file_id is None:
        raise NotFound("No recording is chosen.")
    return making.recorded(files.read(work, file_id).content)


def _key() -> bytes:
    from connectpulse.core.api import site_key  # here, because it maps the tables

    return site_key("voice prompts")


DOOR: Final = Door("prompt", _answer, methods=("GET",), largest=0, per_minute=6000)
