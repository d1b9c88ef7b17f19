"""Checking a chain from the panel and every night: a job in steps, whose progress can be watched.

It reads what `verifying` reads, a page of entries in each step, and keeps how far it has come. Entries that
are written meanwhile are left to the next check.
"""

from collections.abc import Sequence
from contextlib import closing

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from ...domain import chain
from ...domain.chain import ORIGIN, Broken, Head, Walk
from ...domain.jobs import Job
from ...storage import sealing
from ...storage.models import AuditCheck, AuditHead
from ...storage.stores import places
from ...storage.trust import trust
from .. import audit, jobs
from ..work import SYSTEM, Opener, Work
from . import checkpoints, verifying

JOB = "audit_check"
PAGE = 200_000
"""Entries of one step: less than a second of work."""


def start(work: Work, number: int) -> None:
    """Let chain `number` be checked from its beginning; one that is being checked goes on."""
    fresh = {
        "state": "running", "started_at": work.clock(), "finished_at": None, "at_id": 0, "seal": ORIGIN, "entries": 0,
        "erased": 0, "told": 0, "total": 0, "fault_id": None, "fault": "",
    }  # fmt: skip
    statement = insert(AuditCheck.__table__).values(organisation_id=number, **fresh)
    work.session.execute(
        statement.on_conflict_do_update(
            index_elements=["organisation_id"], set_=fresh, where=AuditCheck.__table__.c.state != "running"
        )
    )
    jobs.submit(work, JOB, number)
    if work.actor.kind != "task":
        audit.record_named(work, "audit.check_asked", number or None, "", "", "")


def start_all(work: Work) -> int:
    """Let every chain be checked; return how many. A nightly duty."""
    numbers = work.session.scalars(select(AuditHead.organisation_id).order_by(AuditHead.organisation_id)).all()
    for number in numbers:
        start(work, number)
    return len(numbers)


def found(work: Work, number: int) -> AuditCheck | None:
    """Return the last check of a chain, or the one that is going on."""
    return found_in(work.session, number)


def found_in(session: Session, number: int) -> AuditCheck | None:
    """Return the last check of a chain."""
    return session.get(AuditCheck, number, populate_existing=True)


def before(open_work: Opener, number: int) -> list[bytes] | None:
    """Return the checkpoints, read while no session is open, if the next step may be the last."""
    with open_work(SYSTEM) as work:
        check, head = found(work, number), verifying.heads(work).get(number)
        if check is None or head is None:
            return None
        done = check.entries if check.at_id >= head.start_id else 0
        if head.entries - head.start_entries - done >= PAGE:
            return None
    return checkpoints.every(places.ledger)


def step(work: Work, number: int, kept: Sequence[bytes] | None) -> bool:
    """Check one page of a chain, and at its end that it passes the checkpoints; return whether there is more."""
    check = found(work, number)
    head = verifying.heads(work).get(number)
    if check is None or check.state != "running":
        return False
    if head is None:
        return _end(work, check, None, "Its end is not on record any more.")
    check.total = head.entries - head.start_entries
    if not check.at_id or check.at_id < head.start_id:
        check.at_id, check.seal, check.entries, check.erased, check.told = head.start_id, head.start_seal, 0, 0, 0
    key, _ = sealing.keys()
    try:
        with closing(verifying.lines(work, number, check.at_id, PAGE, until=head.last_id)) as page:
            walk = chain.walk(key, page, check.seal)
        _add(check, walk)
        if walk.entries == PAGE:
            return True
        _check_end(head, check)
        if kept is None:  # it is shorter than it was thought: the next step has them
            return True
        _check_marks(work, number, head, kept)
    except Broken as broken:
        return _end(work, check, broken.entry_id, str(broken))
    return _end(work, check, None, "")


def give_up(work: Work, number: int, why: str) -> None:
    """Say that a check could not be done."""
    check = found(work, number)
    if check is not None:
        _end(work, check, None, f"It could not be checked: {why}")


KIND = Job(JOB, step, give_up, before=before)


def _add(check: AuditCheck, walk: Walk) -> None:
    if walk.entries:
        check.at_id, check.seal = walk.last_id, walk.last_seal
    check.entries += walk.entries
    check.erased += walk.erased
    check.told += walk.told


def _check_end(head: Head, check: AuditCheck) -> None:
    """Compare the whole chain with its head; raise Broken."""
    # What is forgotten behind our back is told ahead of us: only more emptied than told is wrong.
    whole = Walk(check.entries, check.erased, max(check.told, check.erased), check.at_id, check.seal)
    if check.erased > check.told:
        whole.told = check.told
    _, head_key = sealing.keys()
    chain.check_end(head, head_key, whole)


def _check_marks(work: Work, number: int, head: Head, kept: Sequence[bytes]) -> None:
    """Compare a chain with its marks in the checkpoints; raise Broken."""
    good, faults = checkpoints.read(kept, trust.public_key)
    if number == sealing.PLATFORM and faults:
        raise Broken(None, faults[0])
    later = [mark for mark in checkpoints.by_chain(good).get(number, ()) if mark.last_id > head.start_id]
    seals = _seals(work, [mark.last_id for mark in later])
    for mark in later:
        if seals.get(mark.last_id) != mark.seal:
            raise Broken(mark.last_id, "it was the chain's end at a checkpoint, and the chain passes it no more")


def _seals(work: Work, wanted: Sequence[int]) -> dict[int, str]:
    rows = work.session.execute(text("SELECT id, seal FROM pulse_audit WHERE id = ANY(:ids)"), {"ids": list(wanted)})
    return {row[0]: bytes(row[1]).hex() for row in rows}


def _end(work: Work, check: AuditCheck, fault_id: int | None, fault: str) -> bool:
    check.state, check.finished_at = "broken" if fault else "holds", work.clock()
    check.fault_id, check.fault = fault_id, fault[:500]
    if fault:
        checkpoints.report_broken(work, check.organisation_id, fault)
    audit.record_named(
        work, "audit.verified", check.organisation_id or None, "", "", "", entries=check.entries, fault=fault
    )  # fmt: skip
    return False
