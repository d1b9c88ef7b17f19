"""Where the embedded server leaves the finished segments of its write-ahead log until a worker puts them away."""

import os
import shlex
import shutil
import sys
import sysconfig
from contextlib import suppress
from pathlib import Path

from ..errors import Misconfigured
from . import keep_segment, privilege

TIMEOUT = 60
"""Seconds after which PostgreSQL finishes a segment that was written to, full or not."""

MOST = 4 << 30
"""Bytes the spool holds before segments are dropped: the server must not stop because a store does."""

PASSWORD = "connectpulse.password"  # noqa: S105 - a file's name
"""A file in the cluster, so that a copy of it can be opened where nothing else of the machine is left."""


def folder(server: Path) -> Path:
    """Return the spool of the server over the folder `server`."""
    return server / "spool"


def line_file(server: Path) -> Path:
    """Return where it is written down which line of segments the server is writing."""
    return server / "line.json"


def begin(server: Path, password: str) -> dict[str, str]:
    """Make the spool ready; return the tuning of a server that keeps its segments there."""
    if os.name != "posix":
        raise Misconfigured("BACKUP_WAL_DAYS needs Linux or macOS. Leave it at 0 here, or set DATABASE_URL.")
    spool = folder(server)
    spool.mkdir(mode=0o700, exist_ok=True)
    privilege.give(spool)
    kept = server / "cluster" / PASSWORD
    kept.touch(mode=0o600)
    kept.write_text(password)
    privilege.give(kept)
    program = (os.path.realpath(sys.executable), "-I", "-S", keep_segment.__file__)
    words = " ".join(shlex.quote(word.replace("%", "%%")) for word in program)
    into = shlex.quote(str(spool.absolute()).replace("%", "%%"))
    return {
        "wal_level": "replica", "archive_mode": "on", "archive_timeout": str(TIMEOUT),
        "archive_command": f'{words} "%p" {into} "%f" {MOST}',
    }  # fmt: skip


def end(server: Path) -> dict[str, str]:
    """Forget what a server wrote that keeps its segments no more: the line is broken, and never goes on."""
    for file in (line_file(server), server / "cluster" / PASSWORD):
        file.unlink(missing_ok=True)
    with suppress(FileNotFoundError):
        shutil.rmtree(folder(server))
    return {}


def reach() -> tuple[Path, ...]:
    """Return the folders that the server's user must reach to run the program that keeps segments."""
    return (
        Path(os.path.realpath(sys.executable)).parent, Path(sysconfig.get_path("stdlib")),
        Path(keep_segment.__file__).parent,
    )  # fmt: skip
