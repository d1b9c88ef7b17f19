"""Merging one batch of imported rows into contacts: read, checked, copied in, matched and written as sets.

Everything happens in the caller's transaction, together with the import's counters and offset, so a batch
is in or it is not. Cost is linear in the batch: one COPY per scratch table and nine statements, whatever
the number of contacts there are.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import text

from ..domain import card_numbers
from ..domain import fields as field_rules
from ..domain.windows import find_zone
from ..errors import Refused
from ..storage.session import raw
from . import addresses, erased
from .csv_source import Record, shown
from .work import Work


@dataclass(slots=True)
class Row:
    """What one record says about one person."""

    line: int
    name: str = ""
    timezone: str = ""
    fields: dict[str, str] = field(default_factory=dict)
    addresses: list[tuple[str, str]] = field(default_factory=list)


@dataclass(slots=True)
class Batch:
    """Rows that can be taken, faults of those that cannot, and how many were told twice."""

    rows: list[Row] = field(default_factory=list)
    faults: list[tuple[int, str, str]] = field(default_factory=list)
    duplicates: int = 0


@dataclass(frozen=True, slots=True)
class Merged:
    """How many contacts a batch made, changed and met again, and how many of its addresses are suppressed."""

    created: int
    updated: int
    duplicates: int
    suppressed: int
    joined: int


def read(batch: Iterable[Record], mapping: Sequence[str], kinds: Mapping[str, str], region: str) -> Batch:
    """Return the rows of `batch`; `mapping` names each column's target, `kinds` the custom fields' kinds."""
    found = Batch()
    seen: dict[tuple[str, str], Row] = {}
    for record in batch:
        if record.fault:
            found.faults.append((record.line, "", f"This row {record.fault}."))
            continue
        if not any(cell.strip() for cell in record.cells):
            continue
        try:
            row = _row(record, mapping, kinds, region)
        except ValueError as error:
            said = (card_numbers.hide(shown(record.cells)), card_numbers.hide(str(error))[:300])
            found.faults.append((record.line, *said))
            continue
        known = next((seen[address] for address in row.addresses if address in seen), None)
        if known is None:
            found.rows.append(row)
            known = row
        else:
            found.duplicates += 1
            _absorb(known, row)
        seen.update(dict.fromkeys(known.addresses, known))
    return found


def _row(record: Record, mapping: Sequence[str], kinds: Mapping[str, str], region: str) -> Row:
    """Return a record as a row; raise ValueError with the sentence for the report."""
    if len(record.cells) > len(mapping):
        raise ValueError(f"There are {len(record.cells)} cells, the heading has {len(mapping)}.")
    row = Row(record.line)
    for target, cell in zip(mapping, record.cells, strict=False):
        if not target or not cell or cell.isspace():
            continue
        if "\ufffd" in cell or "\x00" in cell:
            raise ValueError(f"{cell[:40]!r} has characters that cannot be read in the file's encoding.")
        kind, _, name = target.partition(":")
        if kind == "address":
            _take_address(row, name, cell, region)
        elif card_numbers.holds_one(cell):
            raise ValueError(f"{name or target}: {card_numbers.REFUSAL}")
        elif target == "name":
            row.name = cell.strip()[:200]
        elif target == "timezone":
            row.timezone = _zone(cell)
        else:
            row.fields[name] = _field(name, kinds[name], cell)
    if not row.addresses:
        raise ValueError("There is no address in this row.")
    return row


def _take_address(row: Row, schemes: str, cell: str, region: str) -> None:
    for scheme in schemes.split(addresses.BOTH):
        try:
            address = (scheme, addresses.normalise(scheme, cell, region))
        except Refused as error:
            raise ValueError(str(error)) from None
        if address not in row.addresses:
            row.addresses.append(address)


def _zone(cell: str) -> str:
    try:
        return find_zone(cell.strip()).key
    except Refused as error:
        raise ValueError(str(error)) from None


def _field(name: str, kind: str, cell: str) -> str:
    try:
        return field_rules.canonical(kind, cell)
    except ValueError as error:
        raise ValueError(f"{name}: {cell.strip()[:40]!r} {error}.") from None


def _absorb(known: Row, row: Row) -> None:
    """Merge a row about the same person: what it says wins, what it leaves out stays."""
    known.name = row.name or known.name
    known.timezone = row.timezone or known.timezone
    known.fields |= row.fields
    known.addresses += [address for address in row.addresses if address not in known.addresses]


_SCRATCH = """
CREATE TEMP TABLE IF NOT EXISTS import_row (
    n integer PRIMARY KEY, line bigint, name text, timezone text, fields jsonb,
    contact_id bigint, is_new boolean NOT NULL DEFAULT false
) ON COMMIT DROP;
CREATE TEMP TABLE IF NOT EXISTS import_address (
    n integer, scheme text, value text, position integer
) ON COMMIT DROP;
TRUNCATE import_row, import_address
"""

_MATCH = """
UPDATE import_row r SET contact_id = m.contact_id
FROM (SELECT i.n, min(a.contact_id) AS contact_id
      FROM import_address i JOIN pulse_address a
        ON a.organisation_id = :organisation AND a.scheme = i.scheme AND a.value = i.value
      GROUP BY i.n HAVING count(DISTINCT a.contact_id) = 1) m
WHERE r.n = m.n
"""

_CONFLICTS = """
WITH gone AS (
    DELETE FROM import_row r USING (
        SELECT i.n FROM import_address i JOIN pulse_address a
          ON a.organisation_id = :organisation AND a.scheme = i.scheme AND a.value = i.value
        GROUP BY i.n HAVING count(DISTINCT a.contact_id) > 1) c
    WHERE r.n = c.n RETURNING r.n, r.line)
DELETE FROM import_address i USING gone WHERE i.n = gone.n RETURNING gone.line
"""

_NEW_IDS = """
UPDATE import_row SET is_new = true, contact_id = nextval(pg_get_serial_sequence('pulse_contact', 'id'))
WHERE contact_id IS NULL
"""

_INSERT = """
INSERT INTO pulse_contact (id, organisation_id, name, fields, timezone, import_id)
SELECT contact_id, :organisation, name, fields, nullif(timezone, ''), :import FROM import_row WHERE is_new
"""

_UPDATE = """
WITH before AS (
    SELECT DISTINCT ON (c.id) c.id, c.import_id, r.name, r.timezone, r.fields
    FROM import_row r JOIN pulse_contact c ON c.id = r.contact_id AND c.organisation_id = :organisation
    WHERE NOT r.is_new ORDER BY c.id, r.n DESC),
changed AS (
    UPDATE pulse_contact c
    SET name = coalesce(nullif(b.name, ''), c.name), fields = c.fields || b.fields,
        timezone = coalesce(nullif(b.timezone, ''), c.timezone), import_id = :import, updated_at = now()
    FROM before b WHERE c.id = b.id RETURNING b.import_id)
SELECT count(*), count(*) FILTER (WHERE import_id = :import) FROM changed
"""

_ADDRESSES = """
INSERT INTO pulse_address (organisation_id, contact_id, scheme, value, position)
SELECT :organisation, r.contact_id, i.scheme, i.value, i.position
FROM import_address i JOIN import_row r ON r.n = i.n
ON CONFLICT (organisation_id, scheme, value) DO NOTHING
"""

_MEMBERS = """
INSERT INTO pulse_list_member (organisation_id, list_id, contact_id)
SELECT DISTINCT :organisation, cast(:list AS bigint), contact_id FROM import_row ON CONFLICT DO NOTHING
"""

_CONSENTS = """
INSERT INTO pulse_consent (organisation_id, scheme, value, channel, purpose, evidence)
SELECT DISTINCT :organisation, scheme, value, '*', '*', :evidence FROM import_address ON CONFLICT DO NOTHING
"""

_SUPPRESSED = """
SELECT count(DISTINCT (i.scheme, i.value)) FROM import_address i JOIN pulse_suppression s
ON s.organisation_id = :organisation AND s.scheme = i.scheme AND s.value = i.value
"""


def merge(work: Work, batch: Batch, import_id: int, list_id: int | None, consent: str) -> Merged:
    """Write a batch's rows; conflicts found on the way are added to its faults.

    Imports of one organisation take turns, so that two files cannot make the same person twice.
    """
    session, known = work.session, {"organisation": work.organisation_id, "import": import_id}
    session.execute(text("SELECT pg_advisory_xact_lock(1, :organisation)"), known)
    _copy(work, batch)
    session.execute(text(_MATCH), known)
    conflicts = {row[0] for row in session.execute(text(_CONFLICTS), known)}
    batch.faults += [
        (line, "", "The addresses in this row belong to different contacts already.") for line in conflicts
    ]
    created = session.execute(text(_NEW_IDS)).rowcount  # type: ignore[attr-defined]
    session.execute(text(_INSERT), known)
    touched, again = session.execute(text(_UPDATE), known).one()
    session.execute(text(_ADDRESSES), known)
    joined = 0
    if list_id is not None:
        joined = session.execute(text(_MEMBERS), known | {"list": list_id}).rowcount  # type: ignore[attr-defined]
    if consent:
        session.execute(text(_CONSENTS), known | {"evidence": consent})
    erased.meet(work, work.organisation_id, [address for row in batch.rows for address in row.addresses])
    suppressed = session.scalar(text(_SUPPRESSED), known) or 0
    return Merged(created, touched - again, batch.duplicates + again, suppressed, joined)


def _copy(work: Work, batch: Batch) -> None:
    connection = raw(work.session)
    with connection.cursor() as cursor:
        for statement in _SCRATCH.split(";"):
            cursor.execute(statement)
        with cursor.copy("COPY import_row (n, line, name, timezone, fields) FROM STDIN") as copy:
            for n, row in enumerate(batch.rows):
                copy.write_row((n, row.line, row.name, row.timezone, json.dumps(row.fields)))
        with cursor.copy("COPY import_address FROM STDIN") as copy:
            for n, row in enumerate(batch.rows):
                for position, (scheme, value) in enumerate(row.addresses):
                    copy.write_row((n, scheme, value, position))
        cursor.execute("ANALYZE import_row, import_address")
