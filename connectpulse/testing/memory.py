"""Where a database of tests lives: in memory if the machine has a place for that.

Each test copies a database of a thousand small files. On a disk that takes half a second, in memory a tenth.
"""

import os
import platform
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import mkdtemp

MEMORY = Path("/dev/shm")  # noqa: S108 - each run makes a private folder in it
ROOM = 2 * 2**30
"""Bytes that must be free: a container's own place of 64 MB is too small."""

_OURS = f"connectpulse-tests-{platform.node()}-"
"""What folders of this machine begin with; a process follows. Containers may share memory, but not process numbers."""


@contextmanager
def folder_in_memory(memory: Path = MEMORY, room: int = ROOM) -> Iterator[Path | None]:
    """Yield a new private folder in `memory`, removed at the end of the block; None where there is no room for one."""
    try:
        _remove_left_behind(memory)
        fits = shutil.disk_usage(memory).free >= room
        folder = Path(mkdtemp(prefix=f"{_OURS}{os.getpid()}-", dir=memory)) if fits else None
    except OSError:
        folder = None
    try:
        yield folder
    finally:
        if folder:
            shutil.rmtree(folder, ignore_errors=True)


def _remove_left_behind(memory: Path) -> None:
    """Remove the folders of runs that were killed: nothing else would give their memory back."""
    for folder in memory.glob(f"{_OURS}*"):
        process = folder.name.removeprefix(_OURS).partition("-")[0]
        if process.isdigit() and not _lives(int(process)):
            shutil.rmtree(folder, ignore_errors=True)


def _lives(process: int) -> bool:
    with suppress(PermissionError):  # somebody else's
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return False
    return True
