"""Keeps one finished segment of the write-ahead log in the spool: PostgreSQL's `archive_command` runs this file.

It runs as the server's user, apart from the house: the standard library alone, and quick to start. It never fails
because of a slow store, only where the disk does: a spool that is full drops the segment and remembers the gap, so
that the server goes on. What is in the spool is whole and on the disk; another content of the same name is refused.
"""

import os
import sys

GAP = "gap"
"""A file in the spool that says that a segment was dropped; its content is the first one's name."""

_DRAFT = ".draft"


def keep(source: str, spool: str, name: str, most: int) -> int:
    """Keep `source` as `name` in the folder `spool`, of at most `most` bytes; return the exit code."""
    with open(source, "rb") as file:
        content = file.read()
    target = os.path.join(spool, name)
    if os.path.exists(target):
        with open(target, "rb") as file:
            return 0 if file.read() == content else 1
    held = sum(entry.stat().st_size for entry in os.scandir(spool))
    if held + len(content) > most:
        if not os.path.exists(os.path.join(spool, GAP)):
            _write(spool, GAP, name.encode())
        return 0
    _write(spool, name, content)
    return 0


def _write(spool: str, name: str, content: bytes) -> None:
    draft = os.path.join(spool, name + _DRAFT)
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(draft, os.path.join(spool, name))
    folder = os.open(spool, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


if __name__ == "__main__":
    sys.exit(keep(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])))
