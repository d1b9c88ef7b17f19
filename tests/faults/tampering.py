"""Tamper with the action log as somebody who owns the database could, and see that each time it is found.

`python -m tests.faults audit [--count 1000] [--seed N]`. Every tampering is done inside a transaction with
the triggers off, verified there, and rolled back; the intruder keeps older heads and lets the site itself
append anew, but has neither the key of trust nor the ledger.
"""

import argparse
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import text

from connectpulse.core.services import audit
from connectpulse.core.services.action_log import checkpoints, verifying
from connectpulse.core.services.action_log.verifying import Report
from connectpulse.core.services.work import SYSTEM, Work
from connectpulse.core.storage import sealing
from connectpulse.core.storage.stores import places
from connectpulse.house import House
from connectpulse.testing import factories

CHAINS, ENTRIES = 3, 40

Heads = dict[int, list[Any]]
"""By chain: what an intruder remembers of its head, the oldest first."""


def fill(house: House, chance: random.Random) -> Heads:
    """Write a log of several chains with a checkpoint at its end; return the heads there were on the way."""
    organisations = [factories.organisation(house) for _ in range(CHAINS)]
    seen: Heads = {}
    for number in range(ENTRIES * CHAINS):
        chosen = chance.choice([*organisations, None])
        with house.work(factories.ADMINISTRATOR, chosen) as work:
            if chosen is None:
                audit.record(work, "platform.keys_rotated", rows=number)
            else:
                audit.record_named(work, "list.created", chosen, "ContactList", number, f"List {number}", size=number)
        with house.engine.connect() as connection:
            for row in connection.execute(text("SELECT * FROM pulse_audit_head")).mappings():
                kept = seen.setdefault(row["organisation_id"], [])
                if not kept or kept[-1]["entries"] != row["entries"]:
                    kept.append(dict(row))
    assert checkpoints.write(house.work)
    return seen


@contextmanager
def intrusion(house: House) -> Iterator[Work]:
    """Open work whose changes are never kept, with the database's own guards off."""
    with house.sessions() as session:
        work = Work(session, house.registry, house.clock, SYSTEM)
        session.execute(text("SET LOCAL session_replication_role = replica"))
        yield work
        session.rollback()


def tamper(work: Work, chance: random.Random, seen: Heads) -> tuple[str, int, int | None]:
    """Do one random thing; return what, in which chain, and the first entry that can be seen to be bad, if known."""
    number = chance.choice([chain for chain, heads in seen.items() if len(heads) > 8])
    rows = _rows(work, number)
    way, act = chance.choice(WAYS)
    return way, number, act(work, chance, rows, number, seen)


def _rows(work: Work, number: int) -> list[Any]:
    statement = "SELECT * FROM pulse_audit WHERE coalesce(organisation_id, 0) = :chain ORDER BY id"
    return list(work.session.execute(text(statement), {"chain": number}).mappings())


def _edit(work: Work, chance: random.Random, rows: list[Any], number: int, seen: Heads) -> int | None:
    column, value = chance.choice(
        [("verb", "list.deleted"), ("actor_kind", "task"), ("actor_id", 77), ("object_type", "User"),
         ("object_id", "7700"), ("request_id", "forged"), ("actor_name", "Nobody"), ("actor_address", "10.9.9.9"),
         ("object_name", "Another"), ("detail", '{"forged": true}'), ("organisation_id", 4_000),
         ("actor_digest", b"0" * 32), ("object_digest", b"0" * 32), ("seal", b"0" * 32), ("actor_salt", b"0" * 16)]
    )  # fmt: skip
    row = chance.choice(rows)
    changed = f"UPDATE pulse_audit SET {column} = :value WHERE id = :id"
    work.session.execute(text(changed), {"value": value, "id": row["id"]})
    if column == "organisation_id":
        return _after(rows, row)
    return int(row["id"])


def _empty(work: Work, chance: random.Random, rows: list[Any], number: int, seen: Heads) -> int | None:
    emptied = chance.choice(
        [
            "actor_salt = NULL, actor_name = '', actor_address = ''",
            "object_salt = NULL, object_name = '', detail = '{}'",
        ]
    )
    work.session.execute(text(f"UPDATE pulse_audit SET {emptied} WHERE id = :id"), {"id": chance.choice(rows)["id"]})
    return None


def _delete(work: Work, chance: random.Random, rows: list[Any], number: int, seen: Heads) -> int | None:
    start = chance.randrange(len(rows))
    gone = rows[start : start + chance.choice([1, 1, 1, 3, 10])]
    _remove(work, gone)
    return _after(rows, gone[-1])


def _reorder(work: Work, chance: random.Random, rows: list[Any], number: int, seen: Heads) -> int | None:
    first, second = sorted(chance.sample(range(len(rows)), 2))
    a, b = rows[first]["id"], rows[second]["id"]
    spare = rows[-1]["id"] + 999
    for old, new in ((a, spare), (b, a), (spare, b)):
        work.session.execute(text("UPDATE pulse_audit SET id = :new WHERE id = :old"), {"old": old, "new": new})
    return int(a)


def _truncate(work: Work, chance: random.Random, rows: list[Any], number: int, seen: Heads) -> int | None:
    """Cut the end off; the head is left, set to what fits, or put back to what the intruder remembers."""
    kept = chance.randrange(1, len(rows))
    _remove(work, rows[kept:])
    how = chance.choice(["leave", "set", "put back"])
    if how != "leave":
        _put_back(work, number, seen, kept, is_true=how == "put back", seal=rows[kept - 1])
    return None


def _append(work: Work, chance: random.Random, rows: list[Any], number: int, seen: Heads) -> int | None:
    """Cut the end off, put the head back, and let the site itself write other entries there."""
    kept = chance.randrange(1, len(rows))
    _remove(work, rows[kept:])
    _put_back(work, number, seen, kept, is_true=True, seal=rows[kept - 1])
    for position in range(chance.choice([len(rows) - kept, 1, len(rows) - kept + 3])):
        audit.record_named(work, "list.created", number or None, "ContactList", position, "Instead")
    sealing.seal(work.session)
    return None


_FREE = """
SELECT min(n) FROM generate_series(:after + 1, :after + 1000) n
WHERE NOT EXISTS (SELECT 1 FROM pulse_audit WHERE id = n)
"""
"""The next number nobody has: entries of one millisecond follow each other without a gap."""


def _add(work: Work, chance: random.Random, rows: list[Any], number: int, seen: Heads) -> int | None:
    """Copy an entry to another place in the chain."""
    row = dict(chance.choice(rows))
    place = chance.choice(rows)
    row["id"] = work.session.scalar(text(_FREE), {"after": place["id"]})
    names = ", ".join(row)
    row["detail"] = "{}"
    values = ", ".join(f":{name}" for name in row)
    work.session.execute(text(f"INSERT INTO pulse_audit ({names}) VALUES ({values})"), row)
    return int(row["id"])


def _vanish(work: Work, chance: random.Random, rows: list[Any], number: int, seen: Heads) -> int | None:
    """Remove a whole chain, with or without its head."""
    _remove(work, rows)
    if chance.random() < 0.7:
        work.session.execute(text("DELETE FROM pulse_audit_head WHERE organisation_id = :chain"), {"chain": number})
    return None


def _remove(work: Work, rows: list[Any]) -> None:
    work.session.execute(text("DELETE FROM pulse_audit WHERE id = ANY(:ids)"), {"ids": [row["id"] for row in rows]})


def _put_back(work: Work, number: int, seen: Heads, entries: int, *, is_true: bool, seal: Any) -> None:
    """Set a head to where it was after so many entries; without the mac of then where that is not remembered."""
    head = next((each for each in seen[number] if each["entries"] == entries), None) if is_true else None
    values = head or {"last_id": seal["id"], "entries": entries, "seal": seal["seal"], "mac": b"guessed"}
    work.session.execute(
        text("UPDATE pulse_audit_head SET last_id = :last_id, entries = :entries, seal = :seal, mac = :mac "
             "WHERE organisation_id = :chain"),
        {**values, "chain": number},
    )  # fmt: skip


def _after(rows: list[Any], row: Any) -> int | None:
    later = [each["id"] for each in rows if each["id"] > row["id"]]
    return int(later[0]) if later else None


Act = Callable[[Work, random.Random, list[Any], int, Heads], int | None]
WAYS: tuple[tuple[str, Act], ...] = (
    ("edit", _edit), ("edit", _edit), ("empty", _empty), ("delete", _delete), ("reorder", _reorder),
    ("truncate", _truncate), ("truncate and append", _append), ("add", _add), ("vanish", _vanish),
)  # fmt: skip


def run(house: House, seed: int, count: int) -> tuple[Counter[str], list[str]]:
    """Tamper `count` times; return how often in which way, and what was not found or named wrongly."""
    chance = random.Random(seed)
    seen = fill(house, chance)
    assert verifying.verify(house.work).sentences() == []
    done: Counter[str] = Counter()
    missed: list[str] = []
    for number in range(count):
        kept = checkpoints.every(places.ledger)
        with intrusion(house) as work:
            way, chain, first = tamper(work, chance, seen)
            report = verifying.examine(work, kept)
        done[way] += 1
        fault = _fault(report, chain, first)
        if fault:
            missed.append(f"{number} ({way}): {fault}")
    assert verifying.verify(house.work).sentences() == []
    return done, missed


def _fault(report: Report, chain: int, first: int | None) -> str:
    if report.holds:
        return "it was not found"
    found = {each.chain: each for each in report.findings if each.fault}
    if chain == sealing.PLATFORM and chain not in found and report.faults:
        return ""  # the entry that tells of the last checkpoint, and no checkpoint has seen itself
    if chain not in found:
        return f"chain {chain} was not blamed, {list(found)} was"
    if first is not None and found[chain].fault_id != first:
        return f"entry {first} is the first bad one, {found[chain].fault_id} was named"
    return ""


def main(arguments: list[str]) -> None:
    """Run on a database of its own; print the seed and what was found; exit 1 if anything was missed."""
    import tempfile
    from pathlib import Path

    from connectpulse import house as houses
    from connectpulse.core.domain.settings import fresh_secrets, from_mapping
    from connectpulse.core.storage.embedded import EmbeddedServer

    parser = argparse.ArgumentParser(prog="python -m tests.faults audit", description=__doc__)
    parser.add_argument("--count", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=None, help="repeats an earlier run")
    asked = parser.parse_args(arguments)
    seed = random.randrange(1 << 32) if asked.seed is None else asked.seed
    print(f"seed {seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="pulse-trial-") as folder:
        server = EmbeddedServer(Path(folder) / "postgres", {"fsync": "off"})
        try:
            given = {"DATABASE_URL": server.ensure_running(), "LEDGER_URL": f"{folder}/ledger", "LOG_LEVEL": "error"}
            house = houses.build(from_mapping(fresh_secrets() | given), pool_size=2)
            house.upgrade()
            begun = time.monotonic()
            done, missed = run(house, seed, asked.count)
            house.close()
        finally:
            server.stop("immediate")
    for way, count in sorted(done.items()):
        print(f"{way:>22}  {count}")
    for each in missed:
        print(f"{'MISSED':>22}  {each}")
    print(f"{'found':>22}  {done.total() - len(missed)} of {done.total()} in {time.monotonic() - begun:.0f} s")
    sys.exit(bool(missed))
