"""The line of segments the embedded server writes, and putting them away from its spool.

A line is one cluster's log without a gap. Where a segment had to be dropped, or another server writes to the same
place, a new line begins: it needs a base of its own, and what was put away before stays as it is.
"""

import json
import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

import fasteners
import structlog
from pyrage import x25519

from ...storage import spooling
from ...storage.keep_segment import GAP
from ...storage.stores import Store
from . import segments

log = structlog.get_logger(__name__)

_REMEMBERED = 64
"""How many of the last segments are known by their digests: more than PostgreSQL may hand over twice."""


@dataclass(slots=True)
class Line:
    """A line by its id, and the segments of it that were put away last."""

    id: str = field(default_factory=lambda: secrets.token_hex(8))
    shipped: dict[str, str] = field(default_factory=dict)


def current(server: Path) -> Line | None:
    """Return the line the server over the folder `server` writes, None if none was begun."""
    with suppress(FileNotFoundError):
        return Line(**json.loads(spooling.line_file(server).read_text()))
    return None


def waiting(server: Path) -> list[Path]:
    """Return the segments that wait in the spool, in their order."""
    with suppress(FileNotFoundError):
        return sorted(path for path in spooling.folder(server).iterdir() if segments.is_segment(path.name))
    return []


def gap(server: Path) -> str:
    """Return the name of the first segment that was dropped, empty if none was."""
    with suppress(FileNotFoundError):
        return (spooling.folder(server) / GAP).read_text()
    return ""


def is_put_away(server: Path) -> bool:
    """Return whether there is a line and nothing waits."""
    return spooling.line_file(server).exists() and not gap(server) and not waiting(server)


def ship(server: Path, store: Store, recipient: x25519.Recipient, tell: Callable[[str], None]) -> int:
    """Put away what waits in the spool; return how many segments. Another process that does so already is left to it.

    `tell` is told why, when a new line had to begin. Killed anywhere, the next one goes on.
    """
    lock = fasteners.InterProcessLock(server / "ship.lock")
    if not lock.acquire(blocking=False):
        return 0
    try:
        if current(server) is None:
            _keep(server, Line())
        _drop_labels(server)
        dropped, before = gap(server), waiting(server)
        if dropped:
            before = [path for path in before if path.name < dropped]
        for path in before:
            _ship(server, store, recipient, path, tell)
        if dropped:
            _break(server, "The spool was full, and changes were not put away.", tell)
            (spooling.folder(server) / GAP).unlink(missing_ok=True)
        return len(before)
    finally:
        lock.release()


def _ship(server: Path, store: Store, recipient: x25519.Recipient, path: Path, tell: Callable[[str], None]) -> None:
    line = current(server)
    assert line is not None
    content, name = path.read_bytes(), path.name
    digest = segments.digest(content)
    known = line.shipped.get(name)
    if known != digest and (known or store.has(segments.stored(line.id, name))):
        line = _break(server, "Another server puts its changes where this one does: a copy of this site?", tell)
    line.shipped[name] = digest
    _keep(server, line)  # first: what is there under a name that is not written down was put there by somebody else
    store.put(segments.stored(line.id, name), segments.seal(line.id, name, content, recipient))
    path.unlink()


def _break(server: Path, why: str, tell: Callable[[str], None]) -> Line:
    line = Line()
    _keep(server, line)
    log.warning("wal_line_broken", why=why)
    tell(why)
    return line


def _keep(server: Path, line: Line) -> None:
    path = spooling.line_file(server)
    line.shipped = dict(list(line.shipped.items())[-_REMEMBERED:])
    draft = path.with_suffix(".draft")
    with draft.open("w") as file:
        json.dump(asdict(line), file)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def _drop_labels(server: Path) -> None:
    """Remove what PostgreSQL hands over beside segments and no restore reads."""
    for path in spooling.folder(server).glob("*.*"):
        if path.suffix in (".backup", ".history", ".partial"):
            path.unlink(missing_ok=True)
