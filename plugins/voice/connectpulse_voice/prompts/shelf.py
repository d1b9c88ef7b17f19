"""Sounds kept on disk, so that what many recipients hear is made once: by the digest of what they were made from.

Only what all recipients of a content hear alike is kept, for `KEPT` at most; speech with a person's values in it
never touches the disk. Whatever is missing is made again, so it may be removed at any time.
"""

import hashlib
import os
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from connectpulse.core.api import Duty, Misconfigured, Opener, own_folder

KEPT = timedelta(days=7)
MOST_BYTES = 512 << 20
TIDIED_EVERY = 600.0
"""Seconds between two looks at what is kept, by one process."""

_tidied_at = -TIDIED_EVERY


def kept(made_from: tuple[str, ...], make: Callable[[], bytes]) -> bytes:
    """Return the sound made from these words and digests, of the disk or else of `make`."""
    global _tidied_at
    digest = hashlib.sha256("\x00".join(made_from).encode("utf-8", "surrogatepass")).hexdigest()
    try:
        path = folder() / digest[:2] / digest
    except Misconfigured:
        return make()
    try:
        return path.read_bytes()
    except OSError:
        sound = make()
    _write(path, sound)
    if time.monotonic() - _tidied_at > TIDIED_EVERY:
        _tidied_at = time.monotonic()
        tidy()
    return sound


def tidy(now: float | None = None, most_bytes: int = MOST_BYTES) -> int:
    """Remove what is too old, and of the rest the oldest beyond `most_bytes`; return how many files went.

    `now` is seconds since 1970.
    """
    oldest = (time.time() if now is None else now) - KEPT.total_seconds()
    found = sorted(_files(), reverse=True)
    room, removed = most_bytes, 0
    for made_at, size, path in found:
        room -= size
        if made_at < oldest or room < 0:
            with suppress(OSError):
                path.unlink()
                removed += 1
    return removed


def folder() -> Path:
    """Return where sounds are kept on this machine; raise Misconfigured in a process that has no place."""
    return own_folder("voice-prompts")


def _files() -> list[tuple[float, int, Path]]:
    files = []
    for path in folder().glob("*/*"):
        with suppress(OSError):
            known = path.stat()
            files.append((known.st_mtime, known.st_size, path))
    return files


def _write(path: Path, sound: bytes) -> None:
    """Keep a sound, readable by this account alone; a full disk only means that it is made again."""
    part = path.with_name(f"{path.name}.{os.getpid()}.{time.monotonic_ns()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        part.touch(mode=0o600)
        part.write_bytes(sound)
        part.replace(path)
    except OSError:
        with suppress(OSError):
            part.unlink()


def _clear(_: Opener) -> bool:
    tidy()
    return False


DUTY = Duty(
    "voice.tidy_prompts", "Clear away sounds of calls that were kept for a week", timedelta(hours=6), call=_clear
)
"""On the machine whose worker has the duty; the others tidy when they keep something."""
