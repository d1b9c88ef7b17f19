"""The retention engine: applies every rule of core and plugins, twice an hour, and writes down what it did.

One run at a time holds a lease; a run that dies is followed by another when its lease is over, and begins
where rows still are. Whatever a rule's failure was, the other rules are applied.
"""

import hashlib
import time
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import uuid4

import structlog
from sqlalchemy import update

from ...domain.retention import RetentionRule, Then
from ...errors import NotFound, PulseError, Refused
from ...storage import leaves
from ...storage.models import RetentionClock, RetentionRun
from .. import audit
from ..work import SYSTEM, Opener, Work
from . import archives, batches, clock, closing, lease, merging, terms
from .batches import Tally
from .terms import Slice

log = structlog.get_logger(__name__)

RUN = "core.retain"
"""The queue task of a run."""
EVERY = timedelta(minutes=30)


class _Plan(NamedTuple):
    """A rule as it is applied in this run, with the leaves in which something may go."""

    rule: RetentionRule
    parts: list[Slice]
    leaves: list[leaves.Leaf]
    error: str = ""


def is_due(work: Work) -> int:
    """Wake a run if it is time for one; return how many were woken. Looks at the clock each time it is asked."""
    moment = clock.now(work)
    row = clock.the_row(work)
    clock.believed(work, moment, clock.uptime())
    is_taken = row.lease_until is not None and row.lease_until > moment
    is_early = row.run_at is not None and row.run_at <= moment < row.run_at + EVERY
    if row.stopped_at is not None or is_taken or is_early:
        return 0
    work.wake(RUN, 1)
    return 1


def start(work: Work) -> None:
    """Let a run begin now, by hand; raise Refused while one goes on or the clock is in doubt."""
    moment = clock.now(work)
    row = clock.the_row(work)
    if row.stopped_at is not None:
        raise Refused(row.reason)
    if row.lease_until is not None and row.lease_until > moment:
        raise Refused("A run is going on already.")
    row.run_at = None
    work.session.flush()
    audit.record_named(work, "retention.started", None, "Run", "", "")
    work.wake(RUN, 1)


def run_due(open_work: Opener) -> int | None:
    """Do a run by the database's clock if one is due; return its id. Raises Refused if the clock is in doubt."""
    me = uuid4().hex
    with open_work(SYSTEM) as work:
        moment = clock.now(work)
        doubt = clock.believed(work, moment, clock.uptime())
        is_mine = not doubt and _claim(work, me, moment)
    if doubt:
        raise Refused(doubt)
    return run(open_work, moment, me) if is_mine else None


def _claim(work: Work, me: str, moment: datetime) -> bool:
    row = clock.the_row(work)
    if row.lease_until is not None and row.lease_until > moment:
        return False
    if row.run_at is not None and row.run_at <= moment < row.run_at + EVERY - timedelta(minutes=1):
        return False
    row.runner, row.lease_until, row.run_at = me, moment + lease.LENGTH, moment
    return True


def run(open_work: Opener, moment: datetime, me: str = "") -> int:
    """Apply every rule as of `moment`, which the caller believes; return the id of the run.

    O(rows that go), in steps of bounded size.
    """
    began = time.monotonic()
    bare, open_work = open_work, lease.held(open_work, me, moment) if me else open_work
    with open_work(SYSTEM) as work:
        whole = RetentionRun(started_at=moment)
        work.session.add(whole)
        work.session.flush()
        run_id = whole.id
        chosen = terms.choices(work)
        rules = terms.in_order(work.registry)
    total, faults = Tally(), []
    plans = [_planned(open_work, rule, terms.slices(rule, moment, chosen)) for rule in rules]
    for plan in (each for each in plans if each.leaves or each.error):
        tally = Tally()
        started = time.monotonic()
        error = plan.error or _apply(open_work, plan, tally)
        faults += [error] if error else []
        _add(total, tally)
        if error or not tally.is_empty:
            with open_work(SYSTEM) as work:
                row = RetentionRun(table_name=plan.rule.table, started_at=moment, is_done=True)
                row.cutoff = plan.parts[-1].cutoff
                _fill(row, tally, error, time.monotonic() - started)
                work.session.add(row)
                _fill(work.session.get_one(RetentionRun, run_id), total, " ".join(faults), time.monotonic() - began)
    faults += _afterwards(open_work, moment)
    with bare(SYSTEM) as work:
        done = work.session.get_one(RetentionRun, run_id)
        _fill(done, total, " ".join(faults), time.monotonic() - began)
        done.is_done = True
        clear = update(RetentionClock).where(RetentionClock.id == 1, RetentionClock.runner == me)
        work.session.execute(clear.values(runner="", lease_until=None))
    log.info("retention_run", found=total.found, deleted=total.deleted, archived=total.archived, faults=len(faults))
    return run_id


def _planned(open_work: Opener, rule: RetentionRule, parts: list[Slice]) -> _Plan:
    """Return what is to be done for a rule, or why that cannot be said."""
    try:
        with open_work(SYSTEM) as work:
            return _plan(work, rule, parts)
    except Exception as error:
        return _Plan(rule, parts, [], _fault(rule, error))


def _fault(rule: RetentionRule, error: Exception) -> str:
    """Write down a rule's failure and return the sentence for it."""
    log.error("retention_failed", table=rule.table, exc_info=error)
    said = str(error) if isinstance(error, PulseError) else type(error).__name__
    return f"{rule.table}: {said}"[:300]


def _plan(work: Work, rule: RetentionRule, parts: list[Slice]) -> _Plan:
    """Return what is to be done for a rule: one look through an index per leaf."""
    youngest, oldest = max(part.cutoff for part in parts), min(part.cutoff for part in parts)
    found = []
    for leaf in leaves.of(work.session.connection(), rule.table):
        is_over = leaf.is_over(oldest)
        if is_over or (not leaf.is_younger(youngest) and not rule.whole_only and _may_any(work, rule, parts, leaf)):
            found.append(leaf)
    return _Plan(rule, parts, found)


def _may_any(work: Work, rule: RetentionRule, parts: list[Slice], leaf: leaves.Leaf) -> bool:
    return any(batches.any_may_go(work, rule, part, leaf) for part in parts)


def _apply(open_work: Opener, plan: _Plan, tally: Tally) -> str:
    """Apply one rule; return why it failed, empty if it did not."""
    try:
        _steps(open_work, plan, tally)
    except Exception as error:
        return _fault(plan.rule, error)
    return ""


def _steps(open_work: Opener, plan: _Plan, tally: Tally) -> None:
    rule, parts = plan.rule, plan.parts
    oldest = min(part.cutoff for part in parts)
    step = batches.archive if rule.then is Then.ARCHIVE else batches.purge
    for leaf in plan.leaves:
        if rule.whole_only:
            if leaf.is_over(oldest):
                batches.archive_whole(open_work, rule, parts, leaf, tally)
            continue
        if leaf.is_over(oldest) and rule.then is Then.PURGE and batches.drop(open_work, rule, parts, leaf, tally):
            continue
        for part in parts:
            step(open_work, rule, part, leaf, tally)
        if leaf.is_over(oldest):
            batches.drop(open_work, rule, parts, leaf, tally)


def _afterwards(open_work: Opener, moment: datetime) -> list[str]:
    """Do what comes after the rules: closed organisations, small archives, and files nobody knows."""
    faults = []
    try:
        closing.erase_due(open_work, moment)
    except Exception as error:
        log.exception("closing_failed")
        faults.append(f"A closed organisation was not erased: {type(error).__name__}")
    try:
        merging.merge_due(open_work)
    except Exception as error:
        log.exception("merging_failed")
        faults.append(f"Small archives were not merged: {type(error).__name__}")
    try:
        archives.sweep(open_work)
    except (OSError, NotFound) as error:
        faults.append(f"The archive store does not answer: {type(error).__name__}")
    return faults


def _add(total: Tally, tally: Tally) -> None:
    total.found += tally.found
    total.archived += tally.archived
    total.deleted += tally.deleted
    total.anonymised += tally.anonymised
    total.dropped += tally.dropped
    total.digests += tally.digests


def _fill(row: RetentionRun, tally: Tally, error: str, seconds: float) -> None:
    row.found, row.archived, row.deleted = tally.found, tally.archived, tally.deleted
    row.anonymised, row.dropped = tally.anonymised, tally.dropped
    row.digest = hashlib.sha256("".join(tally.digests).encode()).hexdigest() if tally.digests else ""
    row.error, row.seconds = error[:500], seconds
