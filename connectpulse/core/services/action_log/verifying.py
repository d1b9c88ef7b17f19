"""Verifying the action log: every entry of every chain, its ends, and the checkpoints it must pass through.

In the database it reads one snapshot. What comes out is a report with one sentence for each thing that does
not hold; the first bad entry of a chain is named, since nothing after it can be trusted.
"""

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import text

from ...domain import chain
from ...domain.chain import Broken, Head, Walk
from ...storage import guard, sealing
from ...storage.session import raw
from ...storage.stores import places
from ...storage.trust import trust
from ..work import SYSTEM, Opener, Work
from . import checkpoints
from .checkpoints import Mark

PAGE = 100_000
"""Entries the database is asked for at a time."""
LAST = (1 << 63) - 1
_UNTOLD = timedelta(minutes=5)
"""How long before a backup a checkpoint may lie that the backup does not tell of: it was being written."""

_COLUMNS = ", ".join(chain.COLUMNS)
_HEADS = (
    "SELECT organisation_id, start_id, start_entries, start_seal, last_id, entries, seal, mac FROM pulse_audit_head"
)
# The chains that have entries, found by skipping from one to the next in the index.
_CHAINS = """
WITH RECURSIVE found AS (
    (SELECT organisation_id FROM pulse_audit WHERE organisation_id IS NOT NULL ORDER BY organisation_id LIMIT 1)
    UNION ALL
    SELECT (SELECT a.organisation_id FROM pulse_audit a WHERE a.organisation_id > f.organisation_id
            ORDER BY a.organisation_id LIMIT 1) FROM found f WHERE f.organisation_id IS NOT NULL)
SELECT organisation_id FROM found WHERE organisation_id IS NOT NULL
UNION ALL SELECT 0 WHERE EXISTS (SELECT FROM pulse_audit WHERE organisation_id IS NULL)
"""


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found of one chain: its entries, how many of them were emptied, where it ends, what is wrong."""

    chain: int
    entries: int = 0
    erased: int = 0
    last_id: int = 0
    fault_id: int | None = None
    fault: str = ""


@dataclass(slots=True)
class Report:
    """What a verification found. `faults` are those of no one chain."""

    findings: list[Finding] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        return not self.faults and not any(each.fault for each in self.findings)

    @property
    def entries(self) -> int:
        return sum(each.entries for each in self.findings)

    def sentences(self) -> list[str]:
        """Return everything that does not hold."""
        return [*(f"{name(each.chain)}: {each.fault}" for each in self.findings if each.fault), *self.faults]


def name(number: int) -> str:
    """Return how a chain is called."""
    return f"Organisation {number}" if number else "The platform"


def verify(open_work: Opener, until: datetime | None = None) -> Report:
    """Verify the whole log in the database against the checkpoints in the ledger. O(entries), in one snapshot.

    The ledger is read before a session is opened. A database that was brought back is verified against the
    checkpoints `until` the moment of its backup, and those it tells of.
    """
    kept = checkpoints.every(places.ledger)
    with open_work(SYSTEM) as work:
        work.session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        return examine(work, kept, until)


def examine(work: Work, kept: Sequence[bytes], until: datetime | None = None) -> Report:
    """Verify the whole log as this transaction sees it, against the checkpoints that were `kept`."""
    found, faults = checkpoints.read(kept, trust.public_key)
    with guard.platform_scope(work.session, "verify the action log"):
        told = checkpoints.last_told(work)
    if until is not None:
        found = [each for each in found if each.number <= told or each.at < until - _UNTOLD]
    faults += checkpoints.told_wrongly(found, told)
    marks = checkpoints.by_chain(found)
    known = heads(work)
    report = Report(faults=faults)
    for number in sorted({*known, *marks, *work.session.scalars(text(_CHAINS))}):
        head = known.get(number)
        report.findings.append(judge(number, head, marks.get(number, ()), lambda n, h, w: _walk(work, n, h, w)))
    return report


Walker = Callable[[int, Head, Sequence[bytes]], Walk]
"""Walks one chain from its head's start, looking out for seals."""


def judge(number: int, head: Head | None, marks: Sequence[Mark], walker: Walker) -> Finding:
    """Return what there is to say about one chain."""
    _, head_key = sealing.keys()
    if head is None:
        return Finding(
            number, fault="Its end is not on record any more: the chain was removed, or added by a stranger."
        )
    later = [mark for mark in marks if mark.last_id > head.start_id]
    try:
        walk = walker(number, head, [bytes.fromhex(mark.seal) for mark in later])
    except Broken as broken:
        return Finding(number, fault_id=broken.entry_id, fault=str(broken))
    try:
        chain.check_end(head, head_key, walk)
        _check_marks(head, walk, later)
    except Broken as broken:
        return Finding(number, walk.entries, walk.erased, walk.last_id, broken.entry_id, str(broken))
    return Finding(number, walk.entries, walk.erased, walk.last_id)


def heads(work: Work) -> dict[int, Head]:
    """Return where every chain begins and ends."""
    return {row[0]: Head(*row) for row in work.session.execute(text(_HEADS))}


def lines(work: Work, number: int, after: int = 0, most: int = PAGE, until: int = LAST) -> Generator[bytes, None, None]:
    """Yield at most `most` entries of a chain after an id and up to another, each as a line of COPY's text format."""
    whose = "organisation_id IS NULL" if number == sealing.PLATFORM else f"organisation_id = {int(number)}"
    query = (
        f"SELECT {_COLUMNS} FROM pulse_audit WHERE {whose} AND id > {int(after)} AND id <= {int(until)} "
        f"ORDER BY id LIMIT {int(most)}"
    )
    with raw(work.session).cursor() as cursor, cursor.copy(f"COPY ({query}) TO STDOUT") as copy:
        try:
            for block in copy:
                yield from bytes(block).rstrip(b"\n").split(b"\n")
        except GeneratorExit:
            for _ in copy:  # a copy that is broken off ends the transaction, and there may be more to verify
                pass
            raise


def every_line(work: Work, number: int) -> Generator[bytes, None, None]:
    """Yield all entries of a chain."""
    after, is_full = 0, True
    while is_full:
        line, is_full = b"", False
        with closing(lines(work, number, after)) as page:
            for count, line in enumerate(page, 1):
                yield line
                is_full = count == PAGE
        after = int(line.split(b"\t", 2)[1]) if line else after


def _walk(work: Work, number: int, head: Head, wanted: Sequence[bytes]) -> Walk:
    key, _ = sealing.keys()
    with closing(every_line(work, number)) as found:
        return chain.walk(key, found, head.start_seal, wanted)


def _check_marks(head: Head, walk: Walk, marks: Sequence[Mark]) -> None:
    for mark in marks:
        count = walk.met.get(bytes.fromhex(mark.seal))
        if count is None or head.start_entries + count != mark.entries:
            raise Broken(mark.last_id, "it was the chain's end at a checkpoint, and the chain passes it no more")
