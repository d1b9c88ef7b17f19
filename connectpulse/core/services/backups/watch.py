"""Looking after backups: asking for the daily one, the alarm when it is late, and what the store really holds."""

import json
from datetime import datetime, timedelta

import structlog
from sqlalchemy import exists, func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from ...domain.faces import Health
from ...errors import PulseError, Refused
from ...storage.models import Backup, Drill
from ...storage.stores import Store, places
from .. import audit
from ..notices import board
from ..work import SYSTEM, Opener, Work
from . import bases, plan
from . import manifest as manifests
from .running import LINK, READERS, ask, settle

log = structlog.get_logger(__name__)

RECONCILE = "core.reconcile_backups"
"""The queue task that compares what is written down with what the store holds."""

WAKE = "core.wake_reconciling"
"""The sweep that wakes it."""

LATE, LOST, DRILLED = "backup.late", "backup.lost", "backup.drill_failed"
DRILLS = "drills/"
FIRST = timedelta(hours=1)
"""How long the first backup of a site may take before its absence is an alarm."""

STRAY = timedelta(days=1)
"""A file without a manifest that is older than this was left by a worker that was killed."""


def newest(work: Work) -> datetime | None:
    """Return the moment the newest backup holds, None if there is none."""
    return work.session.scalar(select(func.max(Backup.taken_at)).where(Backup.state == "done"))


def schedule(work: Work) -> int:
    """Ask for today's backup once its hour has come; return how many were asked for. Safe to call at any time."""
    site = plan.site()
    if not site.recipient:
        return 0
    slot = plan.last_slot(work.clock(), site.hour, site.every)
    if is_asked_since(work, slot):
        return 0
    try:
        ask(work, "schedule")
    except Refused:
        return 0  # somebody asked for one in the same moment
    return 1


def is_asked_since(work: Work, slot: datetime) -> bool:
    """Return whether a backup was asked for since `slot`, or is being made."""
    is_asked = exists().where(Backup.created_at >= slot, Backup.trigger != "found")
    is_open = exists().where(Backup.state.in_(("waiting", "running")))
    return bool(work.session.scalar(select(is_asked | is_open)))


def watch(work: Work) -> int:
    """Raise the alarm when the newest backup is too old or there is none, end it when there is one again."""
    why = lateness(work)
    if why is None:
        board.end(work, LATE)
        return 0
    posted = board.post(
        work, LATE, "There is no fresh backup", why, roles=READERS, level=board.ALARM, link=LINK, key=LATE
    )
    return int(posted is not None)


def lateness(work: Work) -> str | None:
    """Return in what way the newest backup is too old, None if it is not or no backups are to be made."""
    if not plan.site().recipient:
        return None
    last, now = newest(work), work.clock()
    if last is not None:
        hours = (now - last) / timedelta(hours=1)
        return f"The newest backup is {hours:.0f} hours old; 26 are allowed." if now - last > plan.LATE else None
    first = work.session.scalar(select(func.min(Backup.created_at)))
    if first is not None and now - first <= FIRST:
        return None
    return "No backup was ever made although BACKUP_RECIPIENT is set. Does a worker run?"


def health(work: Work) -> Health:
    """Return whether the site could be brought back from a fresh backup."""
    if not plan.site().recipient:
        return Health("backup", False, "No backups are made: BACKUP_RECIPIENT is not set.")
    why, last = lateness(work), newest(work)
    if why is not None:
        return Health("backup", False, why)
    if last is None:
        return Health("backup", True, "The first backup is being made.")
    return Health("backup", True, f"The newest backup holds {last:%d %B %Y %H:%M} UTC.")


def wake(work: Work) -> int:
    """Wake whoever compares the table with the store."""
    work.wake(RECONCILE, 0)
    return 0


def reconcile(open_work: Opener) -> None:
    """Make the table say what the store holds: found and vanished backups, reports of drills; and rotate.

    The store is asked before a session is opened. Its manifests are read once each: those that the table knows are
    compared by size.
    """
    store = places.backup
    sizes = {entry.name: entry.size for entry in store.entries()}
    there = manifests.names(store)
    with open_work(SYSTEM) as work:
        rows = select(Backup.name, Backup.size).where(Backup.state.in_(("done", "damaged")))
        known = {row[0]: row[1] for row in work.session.execute(rows)}
    for name in there:
        if name not in known:
            _find(open_work, store, name)
    changed = [name for name in there if name in known and known[name] != sizes[name + manifests.FILE]]
    with open_work(SYSTEM) as work:
        _mark(work, [name for name in known if name not in there], "gone", "It is not in the store any more.")
        _mark(work, changed, "damaged", "Its file is longer or shorter than it was.")
    _take_reports(open_work, store, [name for name in sizes if name.startswith(DRILLS)])
    rotate(open_work)


def _find(open_work: Opener, store: Store, name: str) -> None:
    try:
        found = manifests.read(store, name)
    except PulseError as error:
        log.warning("backup_not_ours", backup=name, error=str(error))
        return
    with open_work(SYSTEM) as work:
        settle(work, found)


def _mark(work: Work, names: list[str], state: str, why: str) -> None:
    """Write down that backups vanished or changed without our doing, and tell people."""
    fresh = update(Backup).where(Backup.name.in_(names), Backup.state != state).values(state=state, error=why)
    names = list(work.session.scalars(fresh.returning(Backup.name)))
    if not names:
        return
    for name in names:
        audit.record_named(work, LOST, None, "Backup", "", name, error=why)
    board.post(
        work, LOST, "A backup is lost", f"{', '.join(names[:5])}: {why}", roles=READERS, level=board.ALARM, link=LINK,
        key=f"{LOST}:{names[0]}",
    )  # fmt: skip


def rotate(open_work: Opener) -> list[str]:
    """Delete the backups that are not to be kept, and files that a killed worker left; return their names."""
    store, site = places.backup, plan.site()
    with open_work(SYSTEM) as work:
        now = work.clock()
        rows = work.session.execute(
            select(Backup.name, Backup.taken_at).where(Backup.state == "done", Backup.taken_at.is_not(None))
        )
        taken = [(name, moment) for name, moment in rows if moment is not None]
    there = set(manifests.names(store))
    kept = plan.kept([each for each in taken if each[0] in there], site.keep)
    surplus = [name for name, _ in taken if name in there and name not in kept]
    for name in surplus:
        store.delete(name + manifests.MANIFEST)  # first, so that no manifest speaks of a file that is gone
        store.delete(name + manifests.FILE)
    _clear_strays(store, there, now)
    if not site.wal_days:
        bases.forget_lines(store, now)
    if surplus:
        with open_work(SYSTEM) as work:
            work.session.execute(
                update(Backup).where(Backup.name.in_(surplus)).values(state="gone", error="", finished_at=now)
            )
            for name in surplus:
                audit.record_named(work, "backup.rotated", None, "Backup", "", name)
    return surplus


def _clear_strays(store: Store, there: set[str], now: datetime) -> None:
    for entry in store.entries():
        name = entry.name.removesuffix(manifests.FILE)
        is_stray = entry.name.startswith(manifests.PREFIX) and entry.name != name and name not in there
        if is_stray and now - entry.modified_at > STRAY:
            store.delete(entry.name)


def _take_reports(open_work: Opener, store: Store, names: list[str]) -> None:
    """Write down the reports of drills that the table does not know, wherever they were held."""
    with open_work(SYSTEM) as work:
        known = set(work.session.scalars(select(Drill.name).where(Drill.name.in_(names))))
    for name in names:
        if name in known:
            continue
        try:
            report = manifests.opened(store.get(name), name)
        except PulseError as error:
            log.warning("report_not_ours", report=name, error=str(error))
            continue
        with open_work(SYSTEM) as work:
            keep_report(work, name, report)


def keep_report(work: Work, name: str, report: dict[str, object]) -> None:
    """Write down what a drill found; tell people if it failed."""
    ended = datetime.fromisoformat(str(report["ended_at"]))
    fresh = work.session.scalar(
        insert(Drill.__table__)
        .values(
            name=name, backup=str(report["backup"]), is_passed=bool(report["is_passed"]), ended_at=ended,
            report=json.loads(json.dumps(report)),
        )
        .on_conflict_do_nothing()
        .returning(Drill.__table__.c.id)
    )  # fmt: skip
    if fresh is None:
        return
    audit.record_named(
        work, "backup.drilled", None, "Drill", fresh, str(report["backup"]), is_passed=report["is_passed"]
    )
    if report["is_passed"]:
        board.end(work, DRILLED)
        return
    board.post(
        work, DRILLED, "A restore drill failed", f"{report['backup']} could not be brought back as it should.",
        roles=READERS, level=board.ALARM, link=LINK, key=DRILLED,
    )  # fmt: skip


def progress(work: Work) -> Backup | None:
    """Return the backup that waits or is being made, None if there is none."""
    return work.session.scalars(select(Backup).where(Backup.state.in_(("waiting", "running")))).one_or_none()


def size_of_database(work: Work) -> int:
    """Return about how many bytes a dump will have: those of the tables, without indexes."""
    return int(
        work.session.scalar(text("SELECT coalesce(sum(pg_table_size(oid)), 0) FROM pg_class WHERE relkind = 'r'")) or 0
    )
