"""Writing a draft: rate by rate or from a file, and what it would change."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import Row, delete, select
from sqlalchemy import text as sql

from connectpulse.core.api import Refused, Work, audit, records

from . import cards
from .models import Rate, RateVersion
from .reading import HEADINGS, Fault, Key, Price, read_file, read_rate

_PAGE = 5_000
SHOWN = 200
"""Changes of one kind shown on a page; all of them are counted."""


class Change(NamedTuple):
    """A rate before and after: None where there was none, or will be none."""

    key: Key
    before: Price | None
    after: Price | None


@dataclass(frozen=True, slots=True)
class Difference:
    """What publishing a draft changes: how many, and the first of each kind."""

    added: int
    changed: int
    ended: int
    same: int
    first: tuple[Change, ...]


def write(work: Work, version_id: int, typed: Mapping[str, Any], rate_id: int | None = None) -> Rate:
    """Add a rate to a draft, or change the one with this id; raise Refused with what is wrong."""
    cards.editable(work, version_id)
    key, price = read_rate(work, typed)
    row = Rate(version_id=version_id) if rate_id is None else _of_draft(work, version_id, rate_id)
    row.channel, row.prefix, row.sender_kind, row.category = key
    row.per, row.units = price
    if rate_id is None:
        return records.create(work, row, "billing.rate.added")
    return records.update(work, row, "billing.rate.changed")


def remove(work: Work, version_id: int, rate_id: int) -> None:
    """Take a rate out of a draft."""
    cards.editable(work, version_id)
    records.delete(work, _of_draft(work, version_id, rate_id), "billing.rate.removed")


def upload(work: Work, card_id: int, content: bytes, *, is_whole: bool) -> tuple[RateVersion | None, list[Fault]]:
    """Write a CSV file into the card's draft; return the draft, or every line that is wrong and change nothing.

    `is_whole` True takes the file for the whole card: rates it leaves out end. Otherwise they stay as they are.
    """
    rates, faults = read_file(work, content)
    if faults:
        return None, faults
    if not rates:
        raise Refused("There is no rate in the file.")
    draft = cards.begin_draft(work, card_id, is_empty=is_whole)
    if is_whole:
        work.session.execute(delete(Rate).where(Rate.version_id == draft.id))
    _put(work, draft.id, rates)
    audit.record(work, "billing.rate_card.uploaded", draft, rates=len(rates), is_whole=is_whole)
    return draft, []


_UPSERT = sql("""
INSERT INTO billing_rate (version_id, channel, prefix, sender_kind, category, per, units)
SELECT :version, * FROM unnest(
    CAST(:channel AS text[]), CAST(:prefix AS text[]), CAST(:sender_kind AS text[]), CAST(:category AS text[]),
    CAST(:per AS text[]), CAST(:units AS numeric[]))
ON CONFLICT (version_id, channel, prefix, sender_kind, category)
DO UPDATE SET per = excluded.per, units = excluded.units
""")


def _put(work: Work, version_id: int, rates: Mapping[Key, Price]) -> None:
    """Write rates into a draft in one statement."""
    rows = [(*key, *price) for key, price in rates.items()]
    columns = dict(zip(HEADINGS, (list(column) for column in zip(*rows, strict=True)), strict=True))
    work.session.execute(_UPSERT, {"version": version_id, **columns})


def newest_before(work: Work, version: RateVersion) -> RateVersion | None:
    """Return the published version that a version takes over from."""
    return next((each for each in cards.published(work, version.card_id) if each.number < version.number), None)


_DIFFERENCE = """
SELECT channel, prefix, sender_kind, category, was.per AS per_was, was.units AS units_was, is_now.per AS per_now,
       is_now.units AS units_now
FROM (SELECT * FROM billing_rate WHERE version_id = :before) was
FULL JOIN (SELECT * FROM billing_rate WHERE version_id = :after) is_now
USING (channel, prefix, sender_kind, category)
"""
_COUNTS = sql(f"""
SELECT count(*) FILTER (WHERE per_was IS NULL) AS added, count(*) FILTER (WHERE per_now IS NULL) AS ended,
       count(*) FILTER (WHERE (per_was, units_was) <> (per_now, units_now)) AS changed,
       count(*) FILTER (WHERE (per_was, units_was) = (per_now, units_now)) AS same
FROM ({_DIFFERENCE}) d
""")
_FIRST = sql(f"""
SELECT * FROM (
    SELECT d.*, CASE WHEN per_was IS NULL THEN 1 WHEN per_now IS NULL THEN 2 ELSE 0 END AS kind,
           row_number() OVER (PARTITION BY per_was IS NULL, per_now IS NULL ORDER BY channel, prefix) AS place
    FROM ({_DIFFERENCE}) d
    WHERE (per_was, units_was) IS DISTINCT FROM (per_now, units_now)
) f WHERE place <= :most ORDER BY kind, channel, prefix, sender_kind, category
""")


def difference(work: Work, version: RateVersion) -> Difference:
    """Return what a version changes against the published one before it; O(rates of both)."""
    before = newest_before(work, version)
    facts = {"before": before.id if before is not None else 0, "after": version.id}
    counts = work.session.execute(_COUNTS, facts).one()
    rows = work.session.execute(_FIRST, {**facts, "most": SHOWN}).all()
    return Difference(counts.added, counts.changed, counts.ended, counts.same, tuple(_change(row) for row in rows))


def _change(row: Row[Any]) -> Change:
    before = None if row.per_was is None else Price(row.per_was, Decimal(row.units_was))
    after = None if row.per_now is None else Price(row.per_now, Decimal(row.units_now))
    return Change((row.channel, row.prefix, row.sender_kind, row.category), before, after)


def lines(work: Work, version_id: int) -> Iterator[tuple[str, ...]]:
    """Yield a version's rates as the lines of a file, its headings first; read by key, a page at a time."""
    yield HEADINGS
    last = 0
    while True:
        statement = select(Rate.id, *cards.COLUMNS).where(Rate.version_id == version_id, Rate.id > last)
        rows = work.session.execute(statement.order_by(Rate.id).limit(_PAGE)).all()
        if not rows:
            return
        for row in rows:
            yield (*row[1:6], f"{row.units.normalize():f}")
        last = rows[-1].id


def _of_draft(work: Work, version_id: int, rate_id: int) -> Rate:
    row = records.find(work, Rate, rate_id)
    if row.version_id != version_id:
        raise Refused("This rate belongs to another version.")
    return row
