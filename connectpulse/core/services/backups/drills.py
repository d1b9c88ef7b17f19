"""What a drill looks at in a database that was brought back, and the report it leaves."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import structlog
from cryptography.fernet import InvalidToken
from sqlalchemy import Column, Connection, delete
from sqlalchemy.exc import SQLAlchemyError

from ...errors import PulseError
from ...storage import guard, vault
from ...storage.models import Archive
from ...storage.session import raw
from ...storage.stores import Store
from ...storage.trust import canonical, sealed
from ..rights import replaying
from ..work import SYSTEM, Opener, Work
from . import manifest as manifests
from . import restoring, taking
from .manifest import Manifest
from .watch import DRILLS

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing a drill looked at."""

    name: str
    is_good: bool
    detail: str


def counted(work: Work, manifest: Manifest) -> Finding:
    """Compare the rows of each table with those that were counted when the dump was made."""
    found = taking.counts(raw(work.session))
    wrong = [
        f"{table} has {found.get(table, 'no rows to count')}, not {rows}"
        for table, rows in sorted(manifest.counts.items())
        if found.get(table) != rows
    ]
    rows = sum(manifest.counts.values())
    return Finding(
        "rows", not wrong, "; ".join(wrong[:5]) or f"{rows:,} rows in {len(manifest.counts)} tables, as dumped."
    )


def left_out(work: Work, manifest: Manifest) -> Finding:
    """Look whether tables whose rows must not be in a backup are empty."""
    tables = [
        row[0] for row in raw(work.session).execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    ]
    filled = [
        table
        for table in sorted(tables)
        if taking.is_left_out(table) and raw(work.session).execute(f'SELECT 1 FROM "{table}" LIMIT 1').fetchone()
    ]
    said = ", ".join(manifest.left_out)
    return Finding("left out", not filled, f"Rows in {', '.join(filled)}." if filled else f"No rows of {said}.")


def credentials(work: Work, manifest: Manifest) -> Finding:
    """Look whether the keys of this site open the stored credentials; without them a backup is worth half."""
    opened, closed = 0, 0
    for column in vault.columns():
        for value in _stored(work.session.connection(), column):
            try:
                vault.keyring.fernet.decrypt(value)
                opened += 1
            except (InvalidToken, PulseError):
                closed += 1
    said = (
        f"{closed} cannot be opened: a key is missing from ENCRYPTION_KEYS." if closed else f"{opened} can be opened."
    )
    return Finding("stored credentials", not closed, said if opened or closed else "None are stored.")


def _stored(connection: Connection, column: Column[Any]) -> Iterator[bytes]:
    rows = vault.page(connection, column)
    while rows:
        yield from (bytes(row[-1]) for row in rows)
        rows = vault.page(connection, column, rows[-1][:-1])


Look = Callable[[Work, Manifest], Finding]

AS_DUMPED: tuple[Look, ...] = (counted, left_out)
"""What is looked at before anything is changed."""

AS_SETTLED: tuple[Look, ...] = (credentials,)
"""What is looked at when the database is at the version of the code and settled."""


def look(work: Work, manifest: Manifest, looks: tuple[Look, ...]) -> list[Finding]:
    """Return what is found; a look that fails is a finding, too."""
    return [_guarded(work, each.__name__, lambda each=each: each(work, manifest)) for each in looks]  # type: ignore[misc]


def plugins(work: Work) -> list[Finding]:
    """Return what core and the plugins say must hold after a restore."""

    def ask(name: str) -> Finding:
        said = work.registry.restore_checks[name].check(work)
        return Finding(name, said.is_healthy, said.detail or "It holds.")

    return [_guarded(work, name, lambda name=name: ask(name)) for name in sorted(work.registry.restore_checks)]  # type: ignore[misc]


def chain(open_work: Opener, manifest: Manifest) -> Finding:
    """Look whether the action log holds as it was when the backup was made."""
    return _attempted("action log", lambda: _said("action log", restoring.chain(open_work, manifest), "It holds."))


def settled(open_work: Opener, manifest: Manifest) -> Finding:
    """Erase again whom the backup brought back, then look whether any of them is left.

    Archives are files of their own, which the site has erased in already: a drill knows of none and changes none.
    """

    def erase() -> Finding:
        with open_work(SYSTEM) as work, guard.platform_scope(work.session, "forget archives in a drill"):
            work.session.execute(delete(Archive))
        done = restoring.settle(open_work, manifest, scrub=False)
        again = replaying.run(open_work, scrub=False)
        left = [f"{again.applied} erasures were not done."] if again.applied else []
        people = f"{done.erasures} replayed, {done.erased} people were in the backup and are gone."
        return _said("erasures", again.faults + left, people)

    return _attempted("erasures", erase)


def _said(name: str, faults: list[str], good: str) -> Finding:
    return Finding(name, not faults, " ".join(faults[:5]) or good)


def _attempted(name: str, find: Callable[[], Finding]) -> Finding:
    try:
        return find()
    except (PulseError, SQLAlchemyError, OSError, ArithmeticError, LookupError, TypeError, ValueError) as error:
        log.exception("drill_failed", look=name)
        return Finding(name, False, f"It could not be looked at: {type(error).__name__}: {str(error)[:200]}")


def _guarded(work: Work, name: str, find: Callable[[], Finding]) -> Finding:
    try:
        with work.session.begin_nested():
            return find()
    except (PulseError, SQLAlchemyError, ArithmeticError, LookupError, TypeError, ValueError) as error:
        log.exception("restore_check_failed", check=name)
        return Finding(name, False, f"The check itself failed: {type(error).__name__}: {str(error)[:200]}")


def report(
    manifest: Manifest, begun: datetime, ended: datetime, findings: list[Finding], seconds: Mapping[str, float]
) -> dict[str, Any]:
    """Return what a drill found as plain JSON; `seconds` says how long each part took."""
    return {
        "backup": manifest.name, "taken_at": manifest.taken_at, "size": manifest.size, "dump_size": manifest.dump_size,
        "begun_at": begun.isoformat(), "ended_at": ended.isoformat(), "product": manifest.product,
        "is_passed": all(each.is_good for each in findings), "findings": [asdict(each) for each in findings],
        "seconds": {name: f"{value:.1f}" for name, value in seconds.items()},
    }  # fmt: skip


def keep(store: Store, report: Mapping[str, Any]) -> str:
    """Put a signed report into the backup store; return its name."""
    moment = datetime.fromisoformat(report["ended_at"])
    name = f"{DRILLS}{moment:%Y%m%dT%H%M%SZ}-{report['backup']}{manifests.MANIFEST}"
    store.put(name, canonical(sealed(report)))
    return name
