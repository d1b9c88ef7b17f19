"""A campaign's figures as deltas: appended with each batch, squashed later, never counted from messages."""

from collections.abc import Mapping
from decimal import Decimal

from sqlalchemy import text

from ..domain.message import MessageState
from ..storage import arrays
from ..storage.session import raw
from .work import Work

Deltas = Mapping[tuple[int, int, str], Decimal | int]
"""From (organisation id, campaign id, name) to the change. Campaign 0 stands for messages of none."""


_ADD = """
INSERT INTO pulse_counter (organisation_id, campaign_id, name, amount)
SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::text[], %s::numeric[])
"""


def add(work: Work, deltas: Deltas) -> None:
    """Append the changes of one batch."""
    rows = [(*key, amount) for key, amount in deltas.items() if amount]
    if rows:
        organisations, campaigns, names, amounts = zip(*rows, strict=True)
        raw(work.session).execute(
            _ADD,
            (
                arrays.ints(organisations),
                arrays.ints(campaigns),
                arrays.texts(names),
                "{" + ",".join(map(str, amounts)) + "}",
            ),
        )


def moves(before: MessageState | None, after: MessageState, messages: int, place: int | None = None) -> dict[str, int]:
    """Return the figures of messages that came to a state, from another or from none.

    `place` is the number of their channel where a campaign has several (`place_of`): they count there as well.
    """
    if before is after:
        return {}
    names = {f"state:{after.label}": messages}
    if before is not None:
        names[f"state:{before.label}"] = -messages
    return names if place is None else names | {f"{place}:{name}": amount for name, amount in names.items()}


def place_of(fallback: int, onward: int) -> int | None:
    """Return a channel's place among several of a campaign, None where it is the only one."""
    return fallback if fallback or onward else None


def read(work: Work, campaign_ids: list[int]) -> dict[int, dict[str, Decimal]]:
    """Return the figures of campaigns by id and name."""
    rows = work.session.execute(
        text(
            "SELECT campaign_id, name, sum(amount) FROM pulse_counter "
            "WHERE campaign_id = ANY(:ids) GROUP BY campaign_id, name"
        ),
        {"ids": campaign_ids},
    )
    found: dict[int, dict[str, Decimal]] = {campaign_id: {} for campaign_id in campaign_ids}
    for campaign_id, name, amount in rows:
        found[campaign_id][name] = amount
    return found


def squash(work: Work, limit: int = 20_000) -> int:
    """Fold the oldest deltas of each figure into one row; return how many rows went."""
    gone = work.session.execute(
        text(
            """
            WITH many AS (
                SELECT campaign_id FROM pulse_counter GROUP BY campaign_id HAVING count(*) > 100 LIMIT 50),
            gone AS (
                DELETE FROM pulse_counter WHERE id IN (
                    SELECT c.id FROM pulse_counter c JOIN many USING (campaign_id)
                    ORDER BY c.id LIMIT :limit FOR UPDATE OF c SKIP LOCKED)
                RETURNING organisation_id, campaign_id, name, amount),
            made AS (
                INSERT INTO pulse_counter (organisation_id, campaign_id, name, amount)
                SELECT organisation_id, campaign_id, name, sum(amount) FROM gone
                GROUP BY organisation_id, campaign_id, name RETURNING 1)
            SELECT (SELECT count(*) FROM gone) - (SELECT count(*) FROM made)
            """
        ),
        {"limit": limit},
    )
    return int(gone.scalar_one())
