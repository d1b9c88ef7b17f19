"""From text to sound: the voice of a language, and the sound of a text's clauses one after the other."""

from collections.abc import Mapping
from functools import cache
from importlib.metadata import distributions
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from connectpulse.core.api import Misconfigured, own_folder

from . import desk, shelf
from .clauses import Clause, clauses
from .sound import RATE, Faulty, Prompt, joined

LONGEST_TEXT: Final = 3000
"""Letters, with the recipient's values in them."""
SLOWEST: Final = 80
FASTEST: Final = 400
_PAUSE = 0.25
_QUIET = 200
"""Samples below this are silence."""
_MADE = "1"
"""Raised when the same text sounds different from now on."""


def speak(template: str, values: Mapping[str, str], language: str, pace: int = 150) -> Prompt:
    """Return a text with fields as a recipient with these values hears it; raise Faulty if it cannot be made.

    `language` is a code like `ur` or `en-us`, `pace` in words a minute. Waits for a child process: milliseconds
    with espeak-ng, a third of a second for three of speech with Piper.
    """
    said = clauses(template, values)
    if not said:
        raise Faulty("There is nothing to say: the text has no words.")
    if sum(len(each.text) for each in said) > LONGEST_TEXT:
        raise Faulty(f"The text is too long to be spoken: at most {LONGEST_TEXT} characters. Please shorten it.")
    voice = str(models().get(language.partition("-")[0], language))
    pace = min(max(pace, SLOWEST), FASTEST)
    return joined([_sound(each, voice, pace) for each in said], _PAUSE)


def _sound(clause: Clause, voice: str, pace: int) -> bytes:
    def make() -> bytes:
        return on_telephone(desk.speak(voice, pace, clause.text))

    return make() if clause.is_personal else shelf.kept(("speech", _MADE, voice, str(pace), clause.text), make)


def on_telephone(spoken: desk.Spoken) -> bytes:
    """Return speech at the telephone's rate, without the silence before and behind it."""
    import numpy as np
    import soxr

    sound = np.frombuffer(spoken.samples, "<i2")
    loud = np.flatnonzero(np.abs(sound.astype("i4")) > _QUIET)
    if not loud.size:
        raise Faulty("This voice has no sound for the text. Please choose a voice of the text's language.")
    edge = spoken.rate // 50
    sound = sound[max(int(loud[0]) - edge, 0) : int(loud[-1]) + edge]
    return bytes(soxr.resample(sound, spoken.rate, RATE).astype("<i2").tobytes())


def models() -> dict[str, Path]:
    """Return Piper's models by language: those in VAR_DIR/voices, else those of installed packages.

    A model is named like `ur_PK-fasih-medium.onnx` and has its description beside it. Without piper-tts there are none.
    """
    if find_spec("piper") is None:
        return {}
    found = {}
    for file in (*_packaged(), *_put_here()):
        if file.with_name(file.name + ".json").is_file():
            found[file.name.partition("_")[0].lower()] = file
    return found


@cache
def _packaged() -> tuple[Path, ...]:
    named = [each for each in distributions() if "piper" in (each.name or "").lower()]
    files = [Path(str(file.locate())) for each in named for file in each.files or () if file.suffix == ".onnx"]
    return tuple(sorted(files))


def _put_here() -> list[Path]:
    """Return the models an operator put into VAR_DIR/voices."""
    try:
        return sorted(own_folder("voices").glob("*.onnx"))
    except Misconfigured:
        return []
