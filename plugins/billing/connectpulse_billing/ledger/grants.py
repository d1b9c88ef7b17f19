"""Units that an organisation gets, and units that are taken back; each once per cause, however often it is told."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import select, text

from connectpulse.core.api import NotFound, Refused, Work, audit, platform_scope, resume_funded

from . import books
from .books import ZERO
from .tables import Entry, Lot

_PLACES = Decimal("0.0001")
_OPEN = text(
    "INSERT INTO billing_account (organisation_id) VALUES (:organisation) ON CONFLICT (organisation_id) DO NOTHING"
)
_ONCE = text(
    """
    INSERT INTO billing_entry (organisation_id, kind, available, issued, source, reference, reason, owed)
    VALUES (:organisation, :kind, :units, -:units, :source, :reference, :reason, :owed)
    ON CONFLICT (organisation_id, kind, source, reference) WHERE source <> '' DO NOTHING RETURNING id
    """
)


def grant(
    work: Work,
    organisation_id: int,
    units: Decimal,
    source: str,
    reference: str,
    *,
    expires_at: datetime | None = None,
    reason: str = "",
) -> Entry:
    """Give units to an organisation, once per source and reference; return the entry, the first one if repeated.

    Campaigns that paused for want of units go on. Raises Refused for nothing or less, for more than four places,
    and for a time that has passed.
    """
    _check(work, units, source, reference, expires_at)
    work.session.execute(_OPEN, {"organisation": organisation_id})
    entry_id = work.session.scalar(_ONCE, _facts(organisation_id, "grant", units, source, reference, reason))
    if entry_id is not None:
        books.hold(work, organisation_id)
        with platform_scope(work.session, "units of an organisation"):
            work.session.add(
                Lot(organisation_id=organisation_id, source=source, reference=reference, units=units,
                    remaining=units, expires_at=expires_at)
            )  # fmt: skip
        books.move(work, organisation_id, available=units, issued=-units)
        audit.record_named(
            work, "billing.units_granted", organisation_id, "Entry", entry_id, f"{units:f} units",
            source=source, reference=reference, reason=reason, expires_at=expires_at,
        )  # fmt: skip
        resume_funded(work, organisation_id)
    return _find(work, organisation_id, "grant", source, reference)


def reverse(
    work: Work,
    organisation_id: int,
    source: str,
    reference: str,
    units: Decimal | None = None,
    reason: str = "",
    *,
    key: str = "",
) -> Decimal:
    """Take back what is left of a grant, or at most `units` of it; return what could not be taken.

    What was spent already, or is set aside, is not there to be taken: it is recorded as owed, for a person to
    decide about. Done once per source, reference and `key`: give several partial refunds a key each. Raises
    NotFound where nothing was granted.
    """
    with platform_scope(work.session, "units of an organisation"):
        found = select(Lot).where(
            Lot.organisation_id == organisation_id, Lot.source == source, Lot.reference == reference
        )  # fmt: skip
        if work.session.scalars(found).one_or_none() is None:
            raise NotFound(f"No units were granted for {source} {reference}.")
        books.hold(work, organisation_id)
        lot = work.session.scalars(found.execution_options(populate_existing=True)).one()
    wanted = lot.units if units is None else units
    if wanted <= 0:
        raise Refused("Say how many units are to be taken back: more than none.")
    taken = min(wanted, lot.remaining)
    facts = _facts(organisation_id, "reverse", -taken, source, f"{reference}/{key}" if key else reference, reason)
    entry_id = work.session.scalar(_ONCE, facts | {"owed": wanted - taken})
    if entry_id is None:
        return _find(work, organisation_id, "reverse", source, facts["reference"]).owed
    work.session.execute(
        text("UPDATE billing_lot SET remaining = remaining - :units, gone = gone + :units WHERE id = :id"),
        {"units": taken, "id": lot.id},
    )
    books.move(work, organisation_id, available=-taken, issued=taken)
    audit.record_named(
        work, "billing.units_reversed", organisation_id, "Entry", entry_id, f"{taken:f} units",
        source=source, reference=reference, reason=reason, owed=wanted - taken,
    )  # fmt: skip
    return wanted - taken


def withdraw(work: Work, organisation_id: int, units: Decimal, source: str, reference: str, reason: str) -> None:
    """Take units from whichever lots expire first, once per source and reference; raise Refused if there are fewer."""
    _check(work, units, source, reference, None)
    held = books.hold(work, organisation_id)
    if held.available < units:
        raise Refused(f"Only {held.available:f} units are available; {units:f} cannot be taken.")
    facts = _facts(organisation_id, "reverse", -units, source, reference, reason)
    entry_id = work.session.scalar(_ONCE, facts)
    if entry_id is None:
        return
    books.drop_from_lots(work, organisation_id, units)
    books.move(work, organisation_id, available=-units, issued=units)
    audit.record_named(
        work, "billing.units_reversed", organisation_id, "Entry", entry_id, f"{units:f} units",
        source=source, reference=reference, reason=reason,
    )  # fmt: skip


_MISSED = text(
    """
    SELECT DISTINCT c.organisation_id FROM pulse_campaign c JOIN billing_account a USING (organisation_id)
    WHERE c.is_out_of_units AND c.state = 'paused' AND a.available > 0 ORDER BY 1 LIMIT 100
    """
)


def resume_missed(work: Work) -> int:
    """Let campaigns go on that wait for units although some came back by themselves; return how many. Platform work.

    One whose next message costs more than there is pauses again.
    """
    return sum(resume_funded(work, organisation_id) for organisation_id in work.session.scalars(_MISSED).all())


def _check(work: Work, units: Decimal, source: str, reference: str, expires_at: datetime | None) -> None:
    if units <= ZERO or units != units.quantize(_PLACES):
        raise Refused("Units are more than none, and have at most four decimal places.")
    if not source or not reference:
        raise Refused("Say what the units are for: a source and a reference.")
    if expires_at is not None and expires_at <= work.clock():
        raise Refused("These units would have expired already.")


def _facts(
    organisation_id: int, kind: str, units: Decimal, source: str, reference: str, reason: str
) -> dict[str, object]:
    return {
        "organisation": organisation_id, "kind": kind, "units": units, "source": source[:20],
        "reference": reference[:80], "reason": reason[:300], "owed": ZERO,
    }  # fmt: skip


def _find(work: Work, organisation_id: int, kind: str, source: str, reference: object) -> Entry:
    with platform_scope(work.session, "units of an organisation"):
        wanted = select(Entry).where(
            Entry.organisation_id == organisation_id,
            Entry.kind == kind,
            Entry.source == source,
            Entry.reference == reference,
        )
        return work.session.scalars(wanted).one()
