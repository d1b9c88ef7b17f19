"""Stopping messages of no campaign to a range of numbers, where an organisation asks for it; others are only told.

So many may go at once, and then one each time an hour's share is over: the moment up to which a range is taken is a
row that every message moves on, so that the limit is exact however many ask at once.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final, NamedTuple

from sqlalchemy import select, text, update

from ...domain.roles import ORGANISATION_ADMINISTRATOR, PLATFORM_ADMINISTRATOR
from ...errors import Wait
from ...storage.models import Notice, Organisation
from .. import audit
from ..notices import board
from ..work import Work
from .watch import HOUR, LENGTH

KIND: Final = "traffic.stopped"
NEAR: Final = timedelta(minutes=5)
"""How close to its limit a range is taken for stopped: the watch comes round this often."""

_TAKE = text(
    """
    INSERT INTO pulse_pace AS p (key, next_at) VALUES (:key, :now + :share)
    ON CONFLICT (key) DO UPDATE SET next_at = greatest(p.next_at, :now) + :share
    WHERE greatest(p.next_at, :now) + :share <= :now + :hour
    RETURNING next_at
    """
)
_STOPPED = text(
    """
    SELECT o.id, split_part(p.key, ':', 3), split_part(p.key, ':', 4), o.range_limit
    FROM pulse_pace p JOIN pulse_organisation o ON o.id = split_part(p.key, ':', 2)::bigint
    WHERE p.key LIKE 'range:%' AND o.range_limit IS NOT NULL
      AND p.next_at > :now + :hour - greatest(:near, make_interval(secs => 3600.0 / o.range_limit))
    ORDER BY o.id, p.key
    """
)


class Stopped(NamedTuple):
    """A range of numbers that gets no more messages of no campaign for the time being."""

    organisation_id: int
    channel: str
    beginning: str
    limit: int


def take(work: Work, channel: str, address: str) -> None:
    """Count a message of no campaign; raise Wait where the organisation's limit for its range is reached."""
    limit = work.session.scalar(select(Organisation.range_limit).where(Organisation.id == work.organisation_id))
    if limit is None or not address.startswith("+"):
        return
    share, beginning = HOUR // limit, address[:LENGTH]
    facts = {"key": f"range:{work.organisation_id}:{channel}:{beginning}", "now": work.clock(), "share": share}
    if work.session.execute(_TAKE, facts | {"hour": HOUR}).first() is None:
        raise Wait(
            f"At most {limit:,} an hour may go to numbers beginning with {beginning}, as the organisation's settings "
            "say. Wait, or raise the limit there if these are people.",
            max(1, int(share.total_seconds())),
        )


def watch(work: Work) -> int:
    """Tell of ranges that are stopped, end what was told where that is over; return how many were told of."""
    rows = [Stopped(*row) for row in work.session.execute(_STOPPED, {"now": work.clock(), "hour": HOUR, "near": NEAR})]
    owners = sorted({each.organisation_id for each in rows})
    told = sum(_tell(work, owner, [each for each in rows if each.organisation_id == owner]) for owner in owners)
    keys = [f"{KIND}:{owner}" for owner in owners]
    over = update(Notice).where(Notice.kind == KIND, Notice.ended_at.is_(None), Notice.key.not_in(keys))
    work.session.execute(over.values(ended_at=work.clock()))
    return told


def _tell(work: Work, owner: int, stopped: Sequence[Stopped]) -> bool:
    first = stopped[0]
    ranges = ", ".join(sorted({each.beginning for each in stopped})[:5])
    posted = board.post(
        work, KIND, "Messages to a range of numbers are stopped",
        f"At most {first.limit:,} messages of no campaign an hour may go to one range of numbers, as your organisation "
        f"set it. It is reached for numbers beginning with {ranges}: more are refused. Numbers that follow each other, "
        "asked for by one program, are not people: revoke the API key that sends them. If they are people, raise the "
        "limit in the settings.",
        roles=(ORGANISATION_ADMINISTRATOR, PLATFORM_ADMINISTRATOR), organisation_id=owner, level=board.ALARM,
        link="/settings/", key=f"{KIND}:{owner}",
    )  # fmt: skip
    if posted is None:
        return False
    audit.record_named(
        work, "traffic.stopped", owner, "Range", first.beginning, first.beginning, channel=first.channel,
        limit=first.limit, ranges=len(stopped),
    )  # fmt: skip
    return True
