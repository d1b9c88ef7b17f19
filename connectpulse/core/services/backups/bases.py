"""Bases: copies of the embedded server's files that its log is rolled forward from; one a day, and which are kept."""

import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any, LiteralString

import fasteners
import structlog
from sqlalchemy import URL

from ...errors import PulseError, Refused
from ...storage.stores import Entry, Store
from ...storage.trust import canonical, sealed
from . import line, pipes, plan, programs, segments
from .manifest import opened
from .taking import connected

log = structlog.get_logger(__name__)

FORMAT = 1
FILE, MANIFEST = ".tar.zst.age", ".json"
PREFIX = "base-"
EVERY = timedelta(days=1)
FORGOTTEN = timedelta(days=7)
"""How long the lines of a site are kept that puts nothing away any more."""

_WRITTEN: LiteralString = "pg_current_wal_lsn()"
_FINISHED: LiteralString = "pg_switch_wal() - 1"
"""The end of the segment that was being written, which is finished by this, so that it is put away soon."""


@dataclass(frozen=True, slots=True)
class Base:
    """What is known of a base: its line, the segments from the one it begins in to the one it is whole by, its file.

    `taken_at` is the earliest moment that the database can be turned back to from it.
    """

    name: str
    line: str
    taken_at: str
    first: str
    last: str
    recipient: str
    size: int
    digest: str
    tar_size: int
    tar_digest: str
    server: int
    product: str
    format: int = FORMAT

    @property
    def moment(self) -> datetime:
        return datetime.fromisoformat(self.taken_at)

    @property
    def path(self) -> str:
        """Its name in the store, without an ending."""
        return f"{segments.FOLDER}/{self.line}/{self.name}"

    @property
    def file(self) -> str:
        return self.path + FILE


def last_made(server: Path, line_id: str) -> datetime | None:
    """Return when the last base of this line was made, None if none was."""
    try:
        kept = json.loads(_note(server).read_text())
    except (FileNotFoundError, ValueError):
        return None
    return datetime.fromisoformat(kept["taken_at"]) if kept["line"] == line_id else None


def make_due(server: Path, url: URL, store: Store, clock: Callable[[], datetime]) -> Base | None:
    """Make the day's base and delete what is over; None if there is one, or if another process makes it."""
    writing = line.current(server)
    if writing is None:
        return None
    lock = fasteners.InterProcessLock(server / "base.lock")
    if not lock.acquire(blocking=False):
        return None
    try:
        last = last_made(server, writing.id)
        if last is not None and clock() - last < EVERY:
            return None
        made = make(url, store, writing.id, clock())
        draft = _note(server).with_suffix(".draft")
        draft.write_text(json.dumps({"line": made.line, "taken_at": made.taken_at}))
        os.replace(draft, _note(server))
        rotate(store, writing.id, clock(), plan.site().wal_days)
        return made
    finally:
        lock.release()


def make(url: URL, store: Store, line_id: str, now: datetime) -> Base:
    """Make a base of the server at `url`, which goes on working; return it, its manifest written last."""
    key = plan.read_recipient(plan.site().recipient)
    first, _, server = _position(url, _WRITTEN)
    address, env = programs.place(url.set(database="postgres"))
    program = programs.find("pg_basebackup", server, server)
    command = [
        str(program), "--pgdata=-", "--format=tar", "--wal-method=none", "--checkpoint=fast", "--no-manifest",
        "--no-password", f"--dbname={address}",
    ]  # fmt: skip
    name = f"{PREFIX}{now:%Y%m%dT%H%M%S%fZ}"
    with store.writing(f"{segments.FOLDER}/{line_id}/{name}{FILE}") as out:
        tar, packed = pipes.pack(command, env, out, key)
    last, taken_at, _ = _position(url, _FINISHED)
    made = Base(
        name=name, line=line_id, taken_at=taken_at.isoformat(), first=first, last=last, recipient=plan.site().recipient,
        size=packed.size, digest=packed.digest, tar_size=tar.size, tar_digest=tar.digest, server=server,
        product=version("connectpulse"),
    )  # fmt: skip
    store.put(made.path + MANIFEST, canonical(sealed(asdict(made))))
    return made


def _position(url: URL, place: LiteralString) -> tuple[str, datetime, int]:
    """Return the segment with a place of the log, the server's time, and its version."""
    with connected(url) as connection:
        row: Any = connection.execute(
            f"SELECT pg_walfile_name({place}), clock_timestamp(), current_setting('server_version_num')::int / 10000"
        ).fetchone()
    return row[0], row[1].astimezone(UTC), row[2]


def every(store: Store, there: list[Entry]) -> list[Base]:
    """Return the bases among the objects `there`, the newest first; those that are not ours are passed over."""
    files = {each.name for each in there}
    found = []
    for name in files:
        if not name.rpartition("/")[2].startswith(PREFIX) or not name.endswith(MANIFEST):
            continue
        try:
            base = Base(**opened(store.get(name), name))
            if base.path + MANIFEST != name or base.format != FORMAT or base.file not in files:
                raise Refused(f"{name} speaks of another base, or of another format.")
        except (PulseError, TypeError) as error:
            log.warning("base_not_ours", base=name, error=str(error))
            continue
        found.append(base)
    return sorted(found, key=lambda each: each.moment, reverse=True)


def rotate(store: Store, writing: str, now: datetime, days: int) -> int:
    """Delete bases and segments that are not needed to go back `days` days; return how many objects.

    The newest base of the line `writing` is always kept. Other lines go once they are as old and this one reaches
    as far back: a site that was begun anew by mistake deletes nothing of the one it stands for.
    """
    there = store.entries(segments.FOLDER)
    bases = every(store, there)
    oldest = now - timedelta(days=days)
    reaches = any(base.line == writing and base.moment <= oldest for base in bases)
    doomed: list[str] = []
    for line_id in {each.name.split("/")[1] for each in there}:
        objects = [each for each in there if each.name.split("/")[1] == line_id]
        own = [base for base in bases if base.line == line_id]
        if not own and any(each.name.endswith(MANIFEST) for each in objects):
            continue  # another site's
        needed = next((base for base in own if base.moment <= oldest), own[-1] if own else None)
        if line_id != writing and reaches and all(each.modified_at < oldest for each in objects):
            doomed += [each.name for each in objects]
        elif needed is not None:
            doomed += [each.name for each in objects if _is_before(each, needed, own)]
    for name in sorted(doomed, key=lambda each: not each.endswith(MANIFEST)):  # manifests first: none without a file
        store.delete(name)
    store.clear_drafts(now - EVERY)
    return len(doomed)


def forget_lines(store: Store, now: datetime) -> int:
    """Delete what was put away by a site that puts nothing away any more, once it is old; return how many objects."""
    there = store.entries(segments.FOLDER)
    lines = {base.line for base in every(store, there)} if there else set()
    found = 0
    for line_id in lines:
        objects = [each for each in there if each.name.split("/")[1] == line_id]
        if all(now - each.modified_at > FORGOTTEN for each in objects):
            for each in sorted(objects, key=lambda each: not each.name.endswith(MANIFEST)):
                store.delete(each.name)
            found += len(objects)
    return found


def _is_before(entry: Entry, needed: Base, bases: list[Base]) -> bool:
    """Return whether an object of the line is of no use any more once `needed` is the oldest base."""
    name = entry.name.rpartition("/")[2]
    if name.startswith(PREFIX):
        stem = name.removesuffix(FILE).removesuffix(MANIFEST)
        is_whole = any(base.name == stem for base in bases)
        return stem < needed.name if is_whole else entry.modified_at < needed.moment
    return name.removesuffix(segments.FILE) < needed.first


def _note(server: Path) -> Path:
    return server / "base.json"
