"""Where child processes are asked from: a few threads, each with a speaker of its own that it keeps.

A call's samples are pushed in real time by other processes; what is made here waits in a queue instead of taking
their processor. Threads, because the panel asks without a loop and the wire with one.
"""

import json
import os
import subprocess
import sys
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from ctypes.util import find_library
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from .sound import Faulty

HERE = Path(__file__).parent
PATIENCE = 60.0
"""Seconds a child may take for one request, on a machine that is busy with other things."""

pool = ThreadPoolExecutor(max_workers=max(2, min(4, os.cpu_count() or 2)), thread_name_prefix="voice-prompts")
_own = threading.local()

_NO_ENGINE = (
    "Speech cannot be made on this machine: the library espeak-ng is missing. Install connectpulse-voice with its "
    "dependencies, or the system's package espeak-ng, or upload a recording instead."
)


class Spoken(NamedTuple):
    """What a speaker said: 16-bit mono samples at `rate` a second."""

    rate: int
    samples: bytes


def decode(content: bytes, most_seconds: int) -> bytes:
    """Return an uploaded sound as telephone samples; raise Faulty with what is wrong. Waits for a child process."""
    try:
        done = subprocess.run(  # noqa: S603 - our own program
            [*_python(), str(HERE / "decoder.py"), str(most_seconds)],
            input=content, capture_output=True, timeout=PATIENCE, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise Faulty("The recording could not be read in time. Please export it anew, as WAV or MP3.") from None
    if done.returncode == 0:
        return done.stdout
    if done.returncode == 2:  # its own word, a sentence
        raise Faulty(done.stderr.decode("utf-8", "replace")[:300])
    raise Faulty("The recording cannot be read: it is damaged, or takes too much memory. Please export it anew.")


def speak(voice: str, pace: int, text: str) -> Spoken:
    """Return a text spoken by this thread's speaker; raise Faulty if that cannot be. Waits for a child process."""
    speaker: Speaker | None = getattr(_own, "speaker", None)
    if speaker is None or not speaker.is_alive:
        speaker = _own.speaker = Speaker()
    return speaker.say(voice, pace, text)


class Speaker:
    """A running speaker process. It ends with this process, however this one ends: its input closes then."""

    def __init__(self) -> None:
        library, tables = engine()
        self._process = subprocess.Popen(  # noqa: S603 - our own program
            [*_python(), str(HERE / "speaker.py"), library, tables],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self.stop = weakref.finalize(self, _end, self._process)
        """Ends the process; called by itself when nobody asks any more, and at the end of this one."""

    @property
    def is_alive(self) -> bool:
        """Whether it can be asked again."""
        return self._process.poll() is None

    def say(self, voice: str, pace: int, text: str) -> Spoken:
        """Return a text spoken; raise Faulty, and end the process if it did not answer whole and in time."""
        watch = threading.Timer(PATIENCE, self._process.kill)
        watch.start()
        try:
            head, samples = self._ask({"voice": voice, "pace": pace, "text": text})
        except (OSError, ValueError):
            self.stop()
            raise Faulty("The text could not be spoken. Please shorten it, or remove unusual signs.") from None
        finally:
            watch.cancel()
        if head.get("fault") == "no_voice":
            raise Faulty("This voice is not on this machine. Please choose another.")
        if "fault" in head:
            raise Faulty(_NO_ENGINE)
        return Spoken(int(head["rate"]), samples)

    def _ask(self, request: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
        asking, answers = self._process.stdin, self._process.stdout
        if asking is None or answers is None:
            raise OSError("no pipes")
        asking.write(json.dumps(request).encode() + b"\n")
        asking.flush()
        head = json.loads(answers.readline() or b"?")
        samples = answers.read(head.get("bytes", 0))
        if len(samples) < head.get("bytes", 0):
            raise OSError("broke off")
        return head, samples


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.kill()
    with suppress(subprocess.TimeoutExpired):
        process.wait(5)
    for pipe in (process.stdin, process.stdout):
        with suppress(OSError):
            if pipe is not None:
                pipe.close()


@cache
def engine() -> tuple[str, str]:
    """Return where libespeak-ng and its tables lie: those of the wheel, else the system's."""
    found = find_spec("espeakng_loader")
    if found is not None:
        import espeakng_loader

        return str(espeakng_loader.get_library_path()), str(espeakng_loader.get_data_path())
    return find_library("espeak-ng") or "", ""


def _python() -> list[str]:
    """Return how a child is started: by this interpreter, without the caller's folder and variables."""
    return [sys.executable, "-I"]
