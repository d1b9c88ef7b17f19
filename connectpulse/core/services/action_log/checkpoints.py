"""Checkpoints of the action log: where each chain ended at an hour, signed, and kept outside the database.

Who turns the database back to an earlier hour, or cuts a chain and lets it grow anew, cannot make it pass
through the checkpoints of the time between. Each checkpoint names the one before by its digest, and the
platform's chain tells of each, so that none can be taken away either. They lie in the ledger's store, as
`audit/<number>.json`, in the envelope of `trust.sealed` (ed25519, RFC 8032).
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from sqlalchemy import delete, select, text

from ...domain.roles import AUDITOR, PLATFORM_ADMINISTRATOR
from ...errors import Refused
from ...storage import guard, ids
from ...storage.models import AuditDraft, AuditEntry, AuditHead
from ...storage.stores import Store, places
from ...storage.trust import canonical, sealed, trust, unsealed
from .. import audit
from ..notices import board
from ..work import SYSTEM, Actor, Opener, Work

FOLDER = "audit"
OVERLAP = timedelta(hours=1)
"""How long before the last checkpoint a chain may have grown without being in it."""


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a chain ended: its last id, how many entries it had had, its seal in hexadecimal."""

    last_id: int
    entries: int
    seal: str


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """One checkpoint: its number from 1 on, its time, the digest of the one before, its own, and its marks.

    `restored` names the backup that the database was brought back from, if that is what the checkpoint tells of;
    then those after number `back_to` and before this one do not count any more.
    """

    number: int
    at: datetime
    before: str
    digest: str
    marks: Mapping[int, Mark]
    restored: str = ""
    back_to: int = 0


def write(open_work: Opener, actor: Actor = SYSTEM) -> int:
    """Write a checkpoint of every chain that grew since the last; return how many. An hourly duty.

    Before that, the marks of the last one are looked up: a chain that does not pass through them any more
    was cut, and those who must know are told. The store is asked and written to between transactions.
    """
    last = latest(places.ledger)
    with _alone(open_work, actor) as work:
        is_behind = last_told(work) > (last.number if last else 0)
    if is_behind:  # somebody wrote one in this moment; or it was taken away, and then it is written over
        last = latest(places.ledger)
    with _alone(open_work, actor) as work:
        _compare(work, last)
        if not (draft := _open_draft(work, last)):
            if last is not None and last_told(work) < last.number:
                _tell(work, last)
            grown = _grown(work, last)
            draft = _draft(work, last, grown) if grown else None
    return _put(open_work, actor, draft) if draft else 0


def begin_anew(open_work: Opener, backup: str) -> None:
    """Write a checkpoint that tells of a restore: those that were written after the backup do not count any more.

    It takes the key of trust, and stays in the row of checkpoints: a log cannot be turned back by it unseen.
    """
    last = latest(places.ledger)
    with _alone(open_work, SYSTEM) as work:
        draft = _open_draft(work, last)
        if draft is None or draft.restored != backup:
            work.session.execute(delete(AuditDraft))
            is_written = last is not None and last.restored == backup and last_told(work) == last.number
            draft = None if is_written else _draft(work, last, _grown(work, None), backup)
    if draft is not None:
        _put(open_work, SYSTEM, draft)


@contextmanager
def _alone(open_work: Opener, actor: Actor) -> Iterator[Work]:
    """Open work on checkpoints of the whole platform, one at a time."""
    with open_work(actor) as work, guard.platform_scope(work.session, "checkpoint the action log"):
        work.session.execute(text("SELECT pg_advisory_xact_lock(hashtext('pulse_audit_checkpoint'))"))
        yield work


def _open_draft(work: Work, last: Checkpoint | None) -> Checkpoint | None:
    """Return the checkpoint that somebody began to write and that may still be put after `last`, or is `last`."""
    row = work.session.scalars(select(AuditDraft)).one_or_none()
    if row is None:
        return None
    draft = parse(row.content, trust.public_key)
    follows = (last.number + 1, last.digest) if last else (1, "")
    if (draft.number, draft.before) == follows or (last is not None and draft.digest == last.digest):
        return draft
    work.session.delete(row)
    work.session.flush()
    return None


def _put(open_work: Opener, actor: Actor, draft: Checkpoint) -> int:
    """Put a checkpoint that is written down into the store, and let the log tell of it; return its marks.

    Whoever does it again puts the same bytes under the same name.
    """
    with open_work(actor) as work:
        row = work.session.get(AuditDraft, draft.number)
        content = row.content if row is not None else None
    if content is None or sha256(content).hexdigest() != draft.digest:
        return 0
    places.ledger.put(_name(draft.number), content)
    with _alone(open_work, actor) as work:
        mine = delete(AuditDraft).where(AuditDraft.number == draft.number, AuditDraft.content == content)
        if work.session.execute(mine.returning(AuditDraft.number)).one_or_none() is not None:
            _tell(work, draft)
    return len(draft.marks)


def _draft(work: Work, last: Checkpoint | None, grown: Mapping[int, Mark], restored: str = "") -> Checkpoint:
    """Write down what the next checkpoint says."""
    number = last.number + 1 if last else 1
    content: dict[str, Any] = {
        "kind": "connectpulse audit checkpoint",
        "number": number,
        "at": work.clock().astimezone(UTC).isoformat(),
        "before": last.digest if last else "",
        "chains": {str(chain): [mark.last_id, mark.entries, mark.seal] for chain, mark in grown.items()},
    }
    if restored:
        content |= {"restored": restored, "back_to": last_told(work)}
    written = canonical(sealed(content))
    work.session.add(AuditDraft(number=number, content=written))
    work.session.flush()
    return parse(written, trust.public_key)


def _tell(work: Work, written: Checkpoint) -> None:
    audit.record_named(
        work, "audit.checkpointed", None, "", "", "", number=written.number, digest=written.digest,
        chains=len(written.marks),
    )  # fmt: skip


def latest(store: Store) -> Checkpoint | None:
    """Return the checkpoint with the highest number."""
    names = [each.name for each in store.entries(FOLDER) if each.name.endswith(".json")]
    return parse(store.get(max(names)), trust.public_key) if names else None


def every(store: Store) -> list[bytes]:
    """Return all checkpoints as they lie there, by number."""
    return [store.get(each.name) for each in store.entries(FOLDER) if each.name.endswith(".json")]


def parse(content: bytes, public_key: str) -> Checkpoint:
    """Return what a checkpoint says; raise Refused unless `public_key` signed it."""
    try:
        said = unsealed(json.loads(content), public_key)
        marks = {int(chain): Mark(int(mark[0]), int(mark[1]), str(mark[2])) for chain, mark in said["chains"].items()}
        at, digest = datetime.fromisoformat(said["at"]), sha256(content).hexdigest()
        restored, back_to = str(said.get("restored", "")), int(said.get("back_to", 0))
        return Checkpoint(int(said["number"]), at, str(said["before"]), digest, marks, restored, back_to)
    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        raise Refused(f"A checkpoint cannot be read: {type(error).__name__}.") from None


def read(contents: Iterable[bytes], public_key: str) -> tuple[list[Checkpoint], list[str]]:
    """Return the checkpoints that are genuine, and what is wrong with the row of them, one sentence each."""
    found: list[Checkpoint] = []
    faults: list[str] = []
    for position, content in enumerate(contents, 1):
        try:
            checkpoint = parse(content, public_key)
        except Refused as refusal:
            faults.append(f"Checkpoint {position}: {refusal}")
            continue
        expected = (found[-1].number + 1, found[-1].digest) if found else (1, "")
        if (checkpoint.number, checkpoint.before) != expected and not faults:
            faults.append(f"Checkpoint {expected[0]} is missing or was exchanged.")
        found.append(checkpoint)
    return found, faults


def by_chain(checkpoints: Sequence[Checkpoint]) -> dict[int, list[Mark]]:
    """Return the marks of each chain that count, the oldest first: what a restore turned back does not."""
    counting: list[Checkpoint] = []
    for checkpoint in checkpoints:
        if checkpoint.restored:
            counting = [each for each in counting if each.number <= checkpoint.back_to]
        counting.append(checkpoint)
    found: dict[int, list[Mark]] = {}
    for checkpoint in counting:
        for chain, mark in checkpoint.marks.items():
            found.setdefault(chain, []).append(mark)
    return found


def last_told(work: Work) -> int:
    """Return the number of the last checkpoint that the platform's chain tells of; 0 if of none."""
    told = select(AuditEntry.detail).where(
        AuditEntry.organisation_id.is_(None), AuditEntry.verb == "audit.checkpointed"
    )  # fmt: skip
    found: Any = work.session.scalar(told.order_by(AuditEntry.id.desc()).limit(1))
    return int(found["number"]) if found and "number" in found else 0


def _grown(work: Work, last: Checkpoint | None) -> dict[int, Mark]:
    """Return where the chains end that grew since `last`; telling of a checkpoint alone is no growth."""
    statement = select(AuditHead.organisation_id, AuditHead.last_id, AuditHead.entries, AuditHead.seal)
    if last is not None:
        statement = statement.where(AuditHead.last_id > ids.at(last.at - OVERLAP))
    rows = work.session.execute(statement.where(AuditHead.entries > 0).order_by(AuditHead.organisation_id))
    found = {row[0]: Mark(row[1], row[2], row[3].hex()) for row in rows}
    if last is None:
        return found
    grown = {chain: mark for chain, mark in found.items() if last.marks.get(chain) != mark}
    before = last.marks.get(0)
    if before and 0 in grown and grown[0].entries == before.entries + 1 and _is_about_checkpoint(work, grown[0]):
        del grown[0]
    return grown


def _is_about_checkpoint(work: Work, mark: Mark) -> bool:
    return work.session.scalar(select(AuditEntry.verb).where(AuditEntry.id == mark.last_id)) == "audit.checkpointed"


def _compare(work: Work, last: Checkpoint | None) -> None:
    """Tell those who must know when a chain does not pass through its last mark any more."""
    if last is None:
        return
    wanted = {mark.last_id: chain for chain, mark in last.marks.items()}
    seals = {
        row[0]: row[1].hex()
        for row in work.session.execute(select(AuditEntry.id, AuditEntry.seal).where(AuditEntry.id.in_(wanted)))
    }
    starts = {
        row[0]: row[1]
        for row in work.session.execute(
            select(AuditHead.organisation_id, AuditHead.start_id).where(AuditHead.organisation_id.in_(last.marks))
        )
    }
    for chain, mark in last.marks.items():
        if starts.get(chain, 0) < mark.last_id and seals.get(mark.last_id) != mark.seal:
            report_broken(work, chain, f"It does not pass through checkpoint {last.number} any more.")


def report_broken(work: Work, chain: int, what: str) -> None:
    """Tell auditors and administrators of the platform, once, that a chain does not hold."""
    name = f"organisation {chain}" if chain else "the platform"
    board.post(
        work, "audit.broken", "The action log was tampered with",
        f"The log of {name} does not hold. {what} Keep the database as it is, and compare it with an export or a "
        "backup: `connectpulse audit verify` names the first bad entry.",
        roles=(AUDITOR, PLATFORM_ADMINISTRATOR), level="alarm", link="/audit/list/", key=f"audit.broken:{chain}",
    )  # fmt: skip
    audit.record_named(work, "audit.broken", chain or None, "", "", "", what=what)


def _name(number: int) -> str:
    return f"{FOLDER}/{number:010d}.json"


def told_wrongly(checkpoints: Sequence[Checkpoint], told: int) -> list[str]:
    """Return what is wrong if the last checkpoint the platform's chain tells of is not the last that is there."""
    last = checkpoints[-1].number if checkpoints else 0
    if told > last:
        return [f"The log tells of checkpoint {told}; the last that is there is {last}."]
    if told < last:
        return [
            f"Checkpoint {last} is there and the log does not tell of it: the log was turned back, or the process "
            "that wrote it was ended; then this is over within the hour."
        ]
    return []
