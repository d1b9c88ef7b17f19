"""A child process that speaks: a line of JSON in, a line of JSON and samples out, until its input ends.

Run as a program with where the speech library and its tables lie. It imports the standard library only, so it is
there in hundredths of a second; Piper is imported when one of its voices is asked for. A text that brings the
library down ends this process and no other.

A request is {"voice", "pace", "text"}: a voice's name or the path of a Piper model, words a minute. The answer
is {"rate", "bytes"} followed by that many bytes of 16-bit mono samples, or {"fault"} with a word.
"""

import ctypes
import json
import os
import sys
from collections.abc import Callable
from functools import cache
from typing import Any

MEMORY = 3 << 30
"""Bytes of address space; a Piper model takes up to half of it."""
USUAL_PACE = 175
MOST_BYTES = 2 * 22_050 * 600

_SYNCHRONOUS, _CHARACTERS, _UTF8, _RATE = 2, 1, 1, 1
_OK = 0


class Espeak:
    """libespeak-ng, spoken to by its C interface (speak_lib.h)."""

    def __init__(self, library: str, tables: str) -> None:
        self._library = ctypes.CDLL(library)
        self._pieces: list[bytes] = []
        self._room = 0
        self.rate = self._library.espeak_Initialize(_SYNCHRONOUS, 0, tables.encode() or None, 0)
        if self.rate <= 0:
            raise OSError("no tables")
        # kept, because the library calls it as long as this process lives
        self._hook = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)(self._take)
        self._library.espeak_SetSynthCallback(self._hook)

    def say(self, voice: str, pace: int, text: str) -> bytes:
        """Return the samples of a text; raise LookupError for a voice the library lacks."""
        if self._library.espeak_SetVoiceByName(voice.encode()) != _OK:
            raise LookupError(voice)
        self._library.espeak_SetParameter(_RATE, pace, 0)
        self._pieces, self._room = [], MOST_BYTES
        spoken = text.encode()
        self._library.espeak_Synth(spoken, len(spoken) + 1, 0, _CHARACTERS, 0, _UTF8, None, None)
        self._library.espeak_Synchronize()
        return b"".join(self._pieces)

    def _take(self, samples: int | None, count: int, events: int | None) -> int:
        if samples and count > 0:
            self._pieces.append(ctypes.string_at(samples, 2 * count))
            self._room -= 2 * count
        return int(self._room < 0)  # one ends it


class Piper:
    """A neural voice: a model of the package piper-tts."""

    def __init__(self, model: str) -> None:
        from piper import PiperVoice

        self._voice = PiperVoice.load(model)
        self.rate = int(self._voice.config.sample_rate)

    def say(self, pace: int, text: str) -> bytes:
        """Return the samples of a text."""
        from piper import SynthesisConfig

        how = SynthesisConfig(length_scale=USUAL_PACE / pace)
        return b"".join(chunk.audio_int16_bytes for chunk in self._voice.synthesize(text, how))


def answerer(library: str, tables: str) -> Callable[[dict[str, Any]], tuple[int, bytes]]:
    """Return the function from a request to samples a second and samples; engines are opened when first needed."""
    espeak, piper = cache(lambda: Espeak(library, tables)), cache(Piper)

    def answer(request: dict[str, Any]) -> tuple[int, bytes]:
        voice, pace, text = request["voice"], int(request["pace"]), request["text"]
        if voice.endswith(".onnx"):
            return piper(voice).rate, piper(voice).say(pace, text)
        return espeak().rate, espeak().say(voice, pace, text)

    return answer


def main() -> None:
    """Answer requests until the input ends."""
    _limit()
    answer = answerer(*sys.argv[1:3])
    output = sys.stdout.buffer
    for line in sys.stdin.buffer:
        try:
            rate, samples = answer(json.loads(line))
            head: dict[str, Any] = {"rate": rate, "bytes": len(samples)}
        except LookupError:
            head, samples = {"fault": "no_voice"}, b""
        except (ImportError, OSError):
            head, samples = {"fault": "no_engine"}, b""
        output.write(json.dumps(head).encode() + b"\n" + samples)
        output.flush()


def _limit() -> None:
    """Bound what this process may take; be last where others want the processor."""
    try:
        import resource
    except ImportError:  # Windows bounds the time alone, from outside
        return
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.nice(10)


if __name__ == "__main__":
    main()
