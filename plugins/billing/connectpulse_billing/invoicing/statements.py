"""What units came in and what they went for, by month: summed up from the ledger's entries."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from sqlalchemy import text

from connectpulse.core.api import Work, id_at

from .. import months

LONGEST = timedelta(days=1)
"""How much later than its transaction began an entry may have got its id."""
SHOWN = 500
"""How many items a page shows; sums and files have all of them."""
KINDS = {
    "grant": "Units that came in",
    "reverse": "Units taken back",
    "expire": "Units that expired",
    "settle": "Messages",
    "reserve": "Messages",
}
"""The kinds of entries, in the words of a statement."""


@dataclass(frozen=True, slots=True)
class Item:
    """A line of a statement: what moved units, for which campaign, and how many units.

    `came` is what was added to the account, `spent` what messages were charged, `set_aside` what is reserved for
    messages of that time whose end is not known yet, `lost` what expired or was taken back.
    """

    label: str
    campaign: str
    channel: str
    messages: int
    came: Decimal
    spent: Decimal
    set_aside: Decimal
    lost: Decimal


_ITEMS = text(
    """
    SELECT CASE WHEN e.kind IN ('reserve', 'settle') THEN 'settle' ELSE e.kind END AS what,
           e.campaign_id, coalesce(c.name, '') AS campaign, e.channel,
           coalesce(sum(e.messages) FILTER (WHERE e.kind = 'settle' AND e.spent > 0), 0) AS messages,
           coalesce(sum(e.available) FILTER (WHERE e.kind = 'grant'), 0) AS came,
           sum(e.spent) AS spent, sum(e.reserved) AS set_aside,
           sum(e.expired) + coalesce(-sum(e.available) FILTER (WHERE e.kind = 'reverse'), 0) AS lost
    FROM billing_entry e LEFT JOIN pulse_campaign c
         ON c.id = e.campaign_id AND c.organisation_id = e.organisation_id
    WHERE e.organisation_id = :organisation AND e.id >= :first AND e.id < :last
      AND e.created_at >= :start AND e.created_at < :end
      AND NOT (e.source = 'owed' AND e.available = 0)
    GROUP BY 1, 2, 3, 4
    ORDER BY 1, 2 DESC NULLS LAST, 4
    """
)


def of(work: Work, month: date) -> list[Item]:
    """Return the statement of a month, by UTC: one item per kind, campaign and channel."""
    start, end = months.span(month)
    facts = {"start": start, "end": end, "first": id_at(start), "last": id_at(end + LONGEST)}
    rows = work.session.execute(_ITEMS, facts | {"organisation": work.organisation_id})
    return [
        Item(KINDS.get(row.what, row.what), row.campaign or ("" if row.campaign_id is None else "A deleted campaign"),
             row.channel, row.messages, row.came, row.spent, row.set_aside, row.lost)
        for row in rows
    ]  # fmt: skip


def total(items: Sequence[Item]) -> Item:
    """Return the sums of a statement."""
    zero = Decimal(0)
    return Item(
        "Together", "", "", sum(each.messages for each in items), sum((each.came for each in items), zero),
        sum((each.spent for each in items), zero), sum((each.set_aside for each in items), zero),
        sum((each.lost for each in items), zero),
    )  # fmt: skip


def rows(items: Sequence[Item]) -> Iterator[tuple[str, ...]]:
    """Yield a statement as lines of a file, its heading first."""
    yield ("what", "campaign", "channel", "messages", "came", "spent", "set_aside", "lost")
    for each in items:
        figures = (each.came, each.spent, each.set_aside, each.lost)
        yield (
            each.label,
            each.campaign,
            each.channel,
            str(each.messages),
            *(f"{amount:.4f}" for amount in figures),
        )
