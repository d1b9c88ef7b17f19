"""What auditors read of retention: each rule, its oldest row, its last run; and the alarm when something is overdue."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select

from ...domain.faces import Health
from ...domain.retention import RetentionRule
from ...domain.roles import AUDITOR, PLATFORM_ADMINISTRATOR
from ...storage import ids, leaves
from ...storage.models import RetentionClock, RetentionRun
from ..notices import board
from ..work import Work
from . import batches, clock, conditions, holds, terms

ALLOWED = timedelta(hours=1)
"""How long after its time a row may still be there."""
SILENT = timedelta(hours=2)
KEY = "retention.overdue"
_DAY = timedelta(days=1)
COLUMNS = (
    "table", "purpose", "then", "days", "oldest row", "overdue", "held", "last acted", "archived", "deleted",
    "failures in 30 days",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Line:
    """One rule as auditors read it. `oldest_at` is the age of its oldest row, None for an empty table."""

    rule: RetentionRule
    keep: timedelta | None
    oldest_at: datetime | None
    is_overdue: bool
    is_held: bool
    last: RetentionRun | None
    archived: int
    deleted: int
    failures: int


def lines(work: Work, moment: datetime) -> list[Line]:
    """Return the report, a line per rule: O(rules) looks through indexes."""
    chosen, standing = terms.choices(work), holds.all_standing(work)
    held = {table for table, _ in terms.held_tables(work.registry, standing)}
    has_held_organisation = any(hold.kind == holds.ORGANISATION for hold in standing)
    has_held_person = any(hold.kind == holds.SUBJECT for hold in standing)
    sums = _sums(work, moment)
    last = _last_by_table(work)
    found = []
    for table, rule in sorted(work.registry.rules.items()):
        timed = rule.keep is not None
        archived, deleted, failures = sums.get(table, (0, 0, 0))
        found.append(
            Line(
                rule, terms.kept(rule, work.organisation, chosen) if timed else None,
                _oldest(work, rule) if timed else None, timed and _is_overdue(work, rule, moment),
                has_held_organisation or table in held or (has_held_person and bool(rule.personal_columns)),
                last.get(table), archived, deleted, failures,
            )
        )  # fmt: skip
    return found


def _sums(work: Work, moment: datetime) -> dict[str, tuple[int, int, int]]:
    run = RetentionRun
    rows = work.session.execute(
        select(
            run.table_name, func.sum(run.archived), func.sum(run.deleted), func.count().filter(run.error != "")
        )
        .where(run.started_at > moment - 30 * _DAY, run.table_name != "")
        .group_by(run.table_name)
    )  # fmt: skip
    return {row[0]: (int(row[1]), int(row[2]), int(row[3])) for row in rows}


def _last_by_table(work: Work) -> dict[str, RetentionRun]:
    newest = select(func.max(RetentionRun.id)).where(RetentionRun.table_name != "").group_by(RetentionRun.table_name)
    rows = work.session.scalars(select(RetentionRun).where(RetentionRun.id.in_(newest)))
    return {row.table_name: row for row in rows}


def _oldest(work: Work, rule: RetentionRule) -> datetime | None:
    """Return the age of the oldest row: of the first partition that has any, by its index where there is one."""
    if rule.parent is not None:
        return None
    for leaf in leaves.of(work.session.connection(), rule.table):
        found = work.session.connection().exec_driver_sql(
            f'SELECT min("{rule.age_column}") FROM {_first(rule, leaf)}'
        ).scalar()  # fmt: skip
        if found is not None:
            return ids.moment(found) if conditions.is_id(rule) else found
    return None


def _first(rule: RetentionRule, leaf: leaves.Leaf) -> str:
    """Return what the oldest row is looked for in: where no index orders rows, those that were written first."""
    first_key = next(iter(rule.model.__table__.primary_key)).name if rule.model.__table__.primary_key.columns else ""
    if leaf.high is None or first_key == rule.age_column:
        return f'"{leaf.name}"'
    return f'(SELECT "{rule.age_column}" FROM "{leaf.name}" LIMIT 10000) AS first'


def _is_overdue(work: Work, rule: RetentionRule, moment: datetime) -> bool:
    """Return whether a row that may go is still there, more than `ALLOWED` after its time."""
    parts = terms.slices(rule, moment - ALLOWED, terms.choices(work))
    oldest = min(part.cutoff for part in parts)
    for leaf in leaves.of(work.session.connection(), rule.table):
        is_candidate = leaf.is_over(oldest) if rule.whole_only else not leaf.is_younger(max(p.cutoff for p in parts))
        if is_candidate and any(batches.any_may_go(work, rule, part, leaf) for part in parts):
            return True
    return False


def overdue(work: Work, moment: datetime) -> list[str]:
    """Return the tables whose rules are overdue."""
    timed = (rule for rule in work.registry.rules.values() if rule.keep is not None)
    return sorted(rule.table for rule in timed if _is_overdue(work, rule, moment))


def last_run(work: Work) -> RetentionRun | None:
    """Return the last run that came to its end."""
    wanted = select(RetentionRun).where(RetentionRun.table_name == "", RetentionRun.is_done)
    return work.session.scalars(wanted.order_by(RetentionRun.id.desc()).limit(1)).first()


def current_run(work: Work) -> RetentionRun | None:
    """Return the newest run, going on or done."""
    wanted = select(RetentionRun).where(RetentionRun.table_name == "")
    return work.session.scalars(wanted.order_by(RetentionRun.id.desc()).limit(1)).first()


def runs(work: Work, before: int | None = None, limit: int = 25) -> Sequence[RetentionRun]:
    """Return what runs did, the newest first, a page by key."""
    wanted = select(RetentionRun).order_by(RetentionRun.id.desc()).limit(limit)
    return work.session.scalars(wanted.where(RetentionRun.id < before) if before else wanted).all()


def faults(work: Work, moment: datetime) -> list[str]:
    """Return what is wrong with retention, one sentence each; cheap enough for a health check."""
    row = work.session.get(RetentionClock, 1)
    if row is not None and row.stopped_at is not None:
        return [row.reason]
    last = last_run(work)
    since = row.anchored_at if row is not None and last is None else (last.started_at if last else None)
    if since is None or moment - since > SILENT:
        return [f"The last retention run was {f'at {last.started_at:%Y-%m-%d %H:%M} UTC' if last else 'never'}."]
    return [f"The last retention run failed in part: {last.error}"] if last and last.error else []


def health(work: Work) -> Health:
    """Return how retention does, for the health page."""
    found = faults(work, clock.now(work))
    return Health("retention", not found, " ".join(found) or "Rows whose time is over are gone.")


def watch(work: Work) -> int:
    """Raise the alarm while retention is overdue or silent, and end it when it is not; return how much is wrong."""
    moment = clock.now(work)
    found = faults(work, moment)
    late = overdue(work, moment)
    if late:
        found.append(f"Rows whose time is over are still in {', '.join(late)}.")
    if not found:
        board.end(work, KEY)
        return 0
    board.post(
        work, "retention", "Retention is overdue", " ".join(found), roles=(PLATFORM_ADMINISTRATOR, AUDITOR),
        level=board.ALARM, link="/retention/report", key=KEY,
    )  # fmt: skip
    return len(found)


def table(found: Sequence[Line]) -> list[list[str]]:
    """Return the report as rows of text under `COLUMNS`."""
    return [
        [
            line.rule.table, line.rule.purpose, line.rule.then.value,
            str(line.keep // _DAY) if line.keep is not None else "while its owner exists",
            f"{line.oldest_at:%Y-%m-%d %H:%M} UTC" if line.oldest_at else "", "yes" if line.is_overdue else "no",
            "yes" if line.is_held else "no", f"{line.last.started_at:%Y-%m-%d %H:%M} UTC" if line.last else "",
            str(line.archived), str(line.deleted), str(line.failures),
        ]
        for line in found
    ]  # fmt: skip
