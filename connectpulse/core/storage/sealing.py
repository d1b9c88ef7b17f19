"""Writing the action log's entries into their chains, in the transaction of the acts they tell of.

Entries wait in their session and are sealed just before it commits: the heads of the chains concerned are
locked as late as can be, always in the same order, and held for as long as the commit takes. Chains of
different organisations never wait for each other, and nothing is locked after the heads.

Reading the log earlier in the same transaction seals what waits first, as a flush would.
"""

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import groupby
from typing import Any, NamedTuple

import structlog
from psycopg import Cursor
from sqlalchemy import event
from sqlalchemy.orm import ORMExecuteState, Session, SessionTransaction

from ..domain import chain
from ..domain.chain import Head, Seal
from . import ids
from .trust import trust

log = structlog.get_logger(__name__)

PLATFORM = 0
"""The chain of what is done to the platform itself."""

_WAITING = "pulse_entries"
_MARKS = "pulse_entry_marks"
_SALT = 16

_LOCK = """
SELECT organisation_id, start_id, start_entries, start_seal, last_id, entries, seal, mac, pulse_id()
FROM pulse_audit_head WHERE organisation_id = ANY(%s) ORDER BY organisation_id FOR UPDATE
"""
_BEGIN = """
INSERT INTO pulse_audit_head (organisation_id, mac) SELECT n, '' FROM unnest(%s::bigint[]) AS n ORDER BY n
ON CONFLICT DO NOTHING RETURNING organisation_id
"""
_WRITE = """
WITH written AS (
    INSERT INTO pulse_audit (id, organisation_id, verb, actor_kind, actor_id, object_type, object_id, request_id,
        actor_digest, object_digest, seal, actor_salt, actor_name, actor_address, object_salt, object_name, detail)
    SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::text[], %s::text[], %s::bigint[], %s::text[], %s::text[],
        %s::text[], %s::bytea[], %s::bytea[], %s::bytea[], %s::bytea[], %s::text[], %s::text[], %s::bytea[],
        %s::text[], %s::json[]))
UPDATE pulse_audit_head h SET last_id = n.last_id, entries = n.entries, seal = n.seal, mac = n.mac
FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::bytea[], %s::bytea[])
    AS n (organisation_id, last_id, entries, seal, mac)
WHERE h.organisation_id = n.organisation_id
"""

# The same for one entry, as almost every transaction has: arrays cost more than all the sealing.
_LOCK_ONE = _LOCK.replace("= ANY(%s) ORDER BY organisation_id", "= %s")
_WRITE_ONE = f"""
WITH written AS (
    INSERT INTO pulse_audit (id, organisation_id, verb, actor_kind, actor_id, object_type, object_id, request_id,
        actor_digest, object_digest, seal, actor_salt, actor_name, actor_address, object_salt, object_name, detail)
    VALUES ({", ".join(["%s"] * 17)}))
UPDATE pulse_audit_head SET last_id = %s, entries = %s, seal = %s, mac = %s WHERE organisation_id = %s
"""


class Draft(NamedTuple):
    """An entry that waits to be sealed. `detail` is JSON, as it will be read back byte for byte."""

    organisation_id: int | None
    verb: str
    actor_kind: str
    actor_id: int | None
    object_type: str
    object_id: str
    request_id: str
    actor_name: str
    actor_address: str
    object_name: str
    detail: str

    @property
    def chain(self) -> int:
        return PLATFORM if self.organisation_id is None else self.organisation_id


def add(session: Session, entry: Draft) -> None:
    """Let `entry` be written when `session` commits, and not at all when it rolls back."""
    if not session.in_transaction():
        session.begin()  # so that there is something to roll back
    session.info.setdefault(_WAITING, []).append(entry)


def as_json(detail: Mapping[str, Any]) -> str:
    """Return `detail` as the log keeps it."""
    return clean(json.dumps(detail, ensure_ascii=False).replace("\\u0000", "\ufffd"))


def clean(value: str) -> str:
    """Return `value` as PostgreSQL can store it: without zeros, in characters UTF-8 has."""
    return value.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def install(session_class: type[Session]) -> None:
    """Seal at the end of every transaction of `session_class`; called once per class."""
    event.listen(session_class, "before_commit", seal)
    event.listen(session_class, "do_orm_execute", _seal_before_reading)
    event.listen(session_class, "after_transaction_create", _mark)
    event.listen(session_class, "after_soft_rollback", _forget_back_to_mark)
    event.listen(session_class, "after_transaction_end", _forget)


def seal(session: Session) -> None:
    """Write what waits in `session` into its chains, unless it is within a savepoint."""
    waiting: list[Draft] = session.info.get(_WAITING, [])
    if not waiting or session.in_nested_transaction():
        return
    session.flush()
    driver: Any = session.connection().connection.driver_connection
    with driver.cursor() as cursor:
        append(cursor, waiting)
    waiting.clear()


def append(cursor: Cursor[Any], entries: Sequence[Draft]) -> None:
    """Write entries at the ends of their chains, in the transaction of `cursor`."""
    ordered = sorted(entries, key=lambda each: each.chain)
    chains = {number: list(group) for number, group in groupby(ordered, lambda each: each.chain)}
    key, head_key = keys()
    rows: list[tuple[Any, ...]] = []
    heads: list[Head] = []
    for head, first in _lock(cursor, list(chains)):
        added, ended = seal_rows(key, head, chains[head.organisation], _numbers(cursor, head, first, chains))
        rows += added
        heads.append(_signed(head, ended, head_key))
    if len(rows) == 1:
        end = heads[0]
        cursor.execute(_WRITE_ONE, [*rows[0], end.last_id, end.entries, end.seal, end.mac, end.organisation])
        return
    ends = [(each.organisation, each.last_id, each.entries, each.seal, each.mac) for each in heads]
    cursor.execute(_WRITE, [*map(list, zip(*rows, strict=True)), *map(list, zip(*ends, strict=True))])


def keys() -> tuple[Seal, Seal]:
    """Return what seals entries, and what seals the ends of chains."""
    return _sealer(trust.key("audit chain")), _sealer(trust.key("audit head"))


_sealer = lru_cache(maxsize=8)(chain.sealer)


def _lock(cursor: Cursor[Any], chains: list[int]) -> list[tuple[Head, int]]:
    """Return the heads of `chains`, locked until the transaction ends, each with a fresh id; new ones are made."""
    found = cursor.execute(*((_LOCK_ONE, chains) if len(chains) == 1 else (_LOCK, [chains]))).fetchall()
    if len(found) < len(chains):
        known = {row[0] for row in found}
        begun = [number for number in chains if number not in known]
        _, head_key = keys()
        for row in cursor.execute(_BEGIN, [begun]).fetchall():
            cursor.execute(
                "UPDATE pulse_audit_head SET mac = %s WHERE organisation_id = %s",
                [Head(row[0]).sealed(head_key).mac, row[0]],
            )
        found = cursor.execute(_LOCK, [chains]).fetchall()
    return [(Head(*row[:8]), row[8]) for row in found]


def _signed(before: Head, after: Head, key: Seal) -> Head:
    """Return the new head under its mac; one that follows on a forged head stays recognisable as such."""
    if before.is_ours(key):
        return after.sealed(key)
    log.error("audit_head_forged", chain=before.organisation)
    return replace(after, mac=b"")


def _numbers(cursor: Cursor[Any], head: Head, first: int, chains: Mapping[int, Sequence[Draft]]) -> list[int]:
    """Return ids for a chain's new entries, ascending and after all it has, whatever the clock did."""
    count = len(chains[head.organisation])
    starts = [first]
    if count > ids.BLOCK:
        more = cursor.execute("SELECT pulse_id() FROM generate_series(1, %s)", [count // ids.BLOCK]).fetchall()
        starts = sorted([first, *(row[0] for row in more)])
    if starts[0] <= head.last_id:
        return list(range(head.last_id + 1, head.last_id + 1 + count))
    return [starts[n // ids.BLOCK] + n % ids.BLOCK for n in range(count)]


def seal_rows(
    key: Seal, head: Head, entries: Sequence[Draft], numbers: Sequence[int]
) -> tuple[list[tuple[Any, ...]], Head]:
    """Return the rows of a chain's new entries and the head they lead to."""
    rows = []
    before = head.seal
    salts = secrets.token_bytes(2 * _SALT * len(entries))
    for position, (id, entry) in enumerate(zip(numbers, entries, strict=True)):
        at = 2 * _SALT * position
        actor_salt, object_salt = salts[at : at + _SALT], salts[at + _SALT : at + 2 * _SALT]
        plain = (id, *entry[:7])
        digests = (
            chain.digest(actor_salt, entry.actor_name, entry.actor_address),
            chain.digest(object_salt, entry.object_name, entry.detail),
        )
        before = chain.seal_after(key, before, fields(plain, digests))
        rows.append(
            (*plain, *digests, before, actor_salt, entry.actor_name, entry.actor_address, object_salt,
             entry.object_name, entry.detail)
        )  # fmt: skip
    ended = replace(head, last_id=numbers[-1], entries=head.entries + len(entries), seal=before)
    return rows, ended


def fields(plain: Sequence[str | int | None], digests: Sequence[bytes]) -> bytes:
    """Return `chain.SEALED` as an entry's line has them."""
    return b"\t".join((*map(chain.written, plain), *map(chain.binary, digests)))


def _seal_before_reading(state: ORMExecuteState) -> None:
    if state.session.info.get(_WAITING) and any(
        getattr(mapper.class_, "__tablename__", "") == "pulse_audit" for mapper in state.all_mappers
    ):
        seal(state.session)


def _mark(session: Session, transaction: SessionTransaction) -> None:
    if transaction.nested:
        marks = session.info.setdefault(_MARKS, {})
        marks[id(transaction)] = len(session.info.get(_WAITING, ()))


def _forget_back_to_mark(session: Session, previous: SessionTransaction) -> None:
    if previous.nested:
        mark = session.info.get(_MARKS, {}).pop(id(previous), 0)
        del session.info.get(_WAITING, [])[mark:]


def _forget(session: Session, transaction: SessionTransaction) -> None:
    if transaction.parent is None:
        session.info.pop(_WAITING, None)
        session.info.pop(_MARKS, None)
