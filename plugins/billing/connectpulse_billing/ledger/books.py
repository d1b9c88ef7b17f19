"""Writing the books: entries in the transaction of what causes them, and totals that agree with them.

What lowers `available` takes the row of the account, by a conditional update: no race makes it negative. What
gives back only appends, and waits for nobody; `fold` adds it to the totals. Lots always hold what is available
by the totals: what is taken comes from those that expire first, what is given back goes to those that expire last.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import text

from connectpulse.core.api import Work

from .tables import ACCOUNTS

ZERO = Decimal(0)
_SUMS = ", ".join(ACCOUNTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """An entry to be written; see `tables.Entry`. The six amounts sum to zero."""

    organisation_id: int
    kind: str
    available: Decimal = ZERO
    reserved: Decimal = ZERO
    spent: Decimal = ZERO
    expired: Decimal = ZERO
    issued: Decimal = ZERO
    borne: Decimal = ZERO
    campaign_id: int | None = None
    channel: str = ""
    before: int | None = None
    after: int | None = None
    messages: int = 0
    quantity: int = 0
    source: str = ""
    reference: str = ""
    reason: str = ""
    day: date | None = None
    owed: Decimal = ZERO

    @property
    def is_empty(self) -> bool:
        """Whether nothing moves."""
        return not any(getattr(self, account) for account in ACCOUNTS)


_TYPES = {"organisation_id": "bigint", "campaign_id": "bigint", "quantity": "bigint", "messages": "integer"}
_TYPES |= {"before": "smallint", "after": "smallint", "day": "date"}
_TYPES |= dict.fromkeys(("kind", "channel", "source", "reference", "reason"), "text")
_TYPES |= dict.fromkeys((*ACCOUNTS, "owed"), "numeric")
_NAMES = [field.name for field in fields(Posting)]
_WRITE = (
    f"INSERT INTO billing_entry ({', '.join(_NAMES)}) SELECT * FROM "
    f"unnest({', '.join(f'CAST(:{name} AS {_TYPES[name]}[])' for name in _NAMES)})"
)
_APPEND = text(
    f"WITH made AS ({_WRITE} RETURNING organisation_id, {_SUMS}) "
    f"INSERT INTO billing_delta (organisation_id, {_SUMS}) SELECT * FROM made"
)
_ONLY_WRITE = text(_WRITE)


def append(work: Work, postings: Sequence[Posting]) -> None:
    """Write entries that take nothing from `available`; their totals are folded in later. Locks nothing."""
    if postings:
        work.session.execute(_APPEND, _columns(postings))


def write(work: Work, postings: Sequence[Posting]) -> None:
    """Write entries and add them to the totals at once; the caller holds the accounts and moves the lots."""
    if postings:
        work.session.execute(_ONLY_WRITE, _columns(postings))
        for each in postings:
            move(work, each.organisation_id, **_amounts(each))


def move(work: Work, organisation_id: int, **amounts: Decimal) -> None:
    """Add amounts, by account, to the totals; the caller holds the account and has written the entry."""
    facts = dict.fromkeys(ACCOUNTS, ZERO) | amounts | {"organisation": organisation_id}
    work.session.execute(_ADD, facts)


def _columns(postings: Sequence[Posting]) -> dict[str, list[Any]]:
    return {name: [getattr(each, name) for each in postings] for name in _NAMES}


def _amounts(posting: Posting) -> dict[str, Decimal]:
    return {account: getattr(posting, account) for account in ACCOUNTS}


_ADD = text(
    f"UPDATE billing_account SET {', '.join(f'{account} = {account} + :{account}' for account in ACCOUNTS)} "
    "WHERE organisation_id = :organisation"
)
_RESERVE = text(
    "UPDATE billing_account SET available = available - :units, reserved = reserved + :units "
    "WHERE organisation_id = :organisation AND available >= :units RETURNING organisation_id"
)


def reserve(work: Work, posting: Posting) -> bool:
    """Set units aside; return False, with nothing changed, where fewer are available.

    The account's row is held until the transaction ends: call it as late as possible.
    """
    facts = {"organisation": posting.organisation_id, "units": posting.reserved}
    if work.session.execute(_RESERVE, facts).one_or_none() is None:
        hold(work, posting.organisation_id)
        if work.session.execute(_RESERVE, facts).one_or_none() is None:
            return False
    work.session.execute(_ONLY_WRITE, _columns([posting]))
    take_from_lots(work, posting.organisation_id, posting.reserved)
    return True


_HOLD = text("SELECT available, borne FROM billing_account WHERE organisation_id = :organisation FOR UPDATE")
_FOLD = text(
    f"""
    WITH folded AS (DELETE FROM billing_delta WHERE organisation_id = :organisation RETURNING {_SUMS}),
    total AS (SELECT {", ".join(f"coalesce(sum({account}), 0) AS {account}" for account in ACCOUNTS)} FROM folded)
    UPDATE billing_account a SET {", ".join(f"{account} = a.{account} + t.{account}" for account in ACCOUNTS)}
    FROM total t WHERE a.organisation_id = :organisation
    RETURNING t.available AS given_back, a.available, a.borne
    """
)


@dataclass(frozen=True, slots=True)
class Held:
    """What is available while the account's row is held, and what the platform bears for the organisation."""

    available: Decimal
    borne: Decimal


def hold(work: Work, organisation_id: int) -> Held:
    """Keep anyone else from changing the totals until the transaction ends, fold them, and return what is there."""
    facts = {"organisation": organisation_id}
    if work.session.execute(_HOLD, facts).one_or_none() is None:
        return Held(ZERO, ZERO)
    row = work.session.execute(_FOLD, facts).one()
    give_to_lots(work, organisation_id, row.given_back)
    return Held(row.available, -row.borne)


_TAKE = """
    WITH live AS (
        SELECT id, remaining, sum(remaining) OVER (ORDER BY expires_at NULLS LAST, id) - remaining AS ahead
        FROM billing_lot WHERE organisation_id = :organisation AND remaining > 0)
    UPDATE billing_lot l SET remaining = l.remaining - least(live.remaining, :units - live.ahead) {and_more}
    FROM live WHERE l.id = live.id AND live.ahead < :units
"""
_USE = text(_TAKE.format(and_more=""))
_DROP = text(_TAKE.format(and_more=", gone = l.gone + least(live.remaining, :units - live.ahead)"))
_GIVE = text(
    """
    WITH used AS (
        SELECT id, units - gone - remaining AS room,
               sum(units - gone - remaining) OVER
                   (ORDER BY coalesce(expires_at <= :now, false), expires_at DESC NULLS FIRST, id DESC)
               - (units - gone - remaining) AS ahead
        FROM billing_lot WHERE organisation_id = :organisation AND units > gone + remaining)
    UPDATE billing_lot l SET remaining = l.remaining + least(used.room, :units - used.ahead)
    FROM used WHERE l.id = used.id AND used.ahead < :units
    """
)


def take_from_lots(work: Work, organisation_id: int, units: Decimal) -> None:
    """Let units leave the lots that expire first, to be used; the caller holds the account and writes the entry."""
    if units:
        work.session.execute(_USE, {"organisation": organisation_id, "units": units})


def drop_from_lots(work: Work, organisation_id: int, units: Decimal) -> None:
    """Let units leave the lots that expire first for good; the caller holds the account and writes the entry."""
    work.session.execute(_DROP, {"organisation": organisation_id, "units": units})


def give_to_lots(work: Work, organisation_id: int, units: Decimal) -> None:
    """Let units return to the lots that expire last, and to expired ones only where no other has room."""
    if units:
        work.session.execute(_GIVE, {"organisation": organisation_id, "units": units, "now": work.clock()})


def split(posting: Posting, borne: Decimal) -> Posting:
    """Return an entry of which the platform bears a share, or gets one back that is less than zero."""
    return replace(posting, available=posting.available + borne, borne=-borne)


_INDEBTED = text("SELECT organisation_id FROM billing_account WHERE organisation_id = ANY(:ids) AND borne < 0")


def indebted(work: Work, organisation_ids: set[int]) -> set[int]:
    """Return those organisations for which the platform bears something."""
    if not organisation_ids:
        return set()
    return set(work.session.scalars(_INDEBTED, {"ids": list(organisation_ids)}))


_WAITING = text("SELECT DISTINCT organisation_id FROM billing_delta ORDER BY 1 LIMIT :limit")


def fold_all(work: Work, limit: int = 500) -> int:
    """Fold what waits, organisation by organisation; return for how many. Platform work."""
    waiting = work.session.scalars(_WAITING, {"limit": limit}).all()
    for organisation_id in waiting:
        hold(work, organisation_id)
    return len(waiting)
