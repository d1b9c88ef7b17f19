"""Artificially inflated traffic: the alarm when far more messages than usual go to one range of numbers.

Whoever earns by each message lets programs ask for them: codes, invitations, receipts, to numbers that follow each
other. So messages of no campaign are counted, those of the last hour, by what their numbers begin with. A campaign is
asked for by a person, quoted and launched, and is not counted: a large first one is no fraud.
"""

from collections.abc import Sequence
from datetime import timedelta
from itertools import groupby
from typing import Final, NamedTuple

from sqlalchemy import select, text, update

from ...domain.message import MessageState
from ...domain.personal import Use
from ...domain.roles import ORGANISATION_ADMINISTRATOR, PLATFORM_ADMINISTRATOR
from ...storage import ids
from ...storage.models import Notice, Organisation
from .. import audit, uses
from ..notices import board
from ..work import Work

HOUR: Final = timedelta(hours=1)
LENGTH: Final = 7
"""Characters that numbers of a range have in common, the plus sign included: +923001 stands for a million of them."""
LEAST: Final = 200
"""Fewer messages within an hour to one range are never an alarm."""
TIMES: Final = 10
"""How many times what is usual is far more than usual."""
DAYS: Final = 28
"""For how many days back it is asked what is usual."""
FEWEST_DAYS: Final = 3
"""Days with messages to a range from which on something is usual there: one day of fraud makes nothing usual."""
KIND: Final = "traffic.inflated"
_SHOWN = 5

_COUNT = text(f"""
WITH recent AS (
    SELECT m.organisation_id, m.channel, left(m.address, {LENGTH}) AS beginning, count(*)::integer AS messages
    FROM pulse_message m JOIN pulse_organisation o ON o.id = m.organisation_id
    WHERE m.campaign_id IS NULL AND m.id >= :since AND m.address LIKE '+%' AND m.state <> ALL(:never_sent)
    GROUP BY 1, 2, 3),
kept AS (
    INSERT INTO pulse_range_peak AS p (organisation_id, channel, beginning, day, messages, seen_at)
    SELECT organisation_id, channel, beginning, :today, messages, :now FROM recent
    ORDER BY organisation_id, channel, beginning
    ON CONFLICT (organisation_id, channel, beginning, day)
    DO UPDATE SET messages = excluded.messages, seen_at = excluded.seen_at WHERE p.messages < excluded.messages),
usual AS (
    SELECT p.organisation_id, p.channel, p.beginning,
           percentile_disc(0.5) WITHIN GROUP (ORDER BY p.messages) AS messages
    FROM pulse_range_peak p JOIN recent USING (organisation_id, channel, beginning)
    WHERE p.day < :today AND p.day >= :first
    GROUP BY 1, 2, 3 HAVING count(*) >= {FEWEST_DAYS})
SELECT organisation_id, channel, beginning, r.messages, coalesce(u.messages, 0) AS usual
FROM recent r LEFT JOIN usual u USING (organisation_id, channel, beginning)
WHERE r.messages >= greatest({LEAST}, {TIMES} * coalesce(u.messages, 0))
ORDER BY organisation_id, r.messages DESC, beginning
""")


class Jump(NamedTuple):
    """Far more messages than usual within the last hour to one range of numbers."""

    organisation_id: int
    channel: str
    beginning: str
    messages: int
    usual: int

    @property
    def sentence(self) -> str:
        usual = f"{self.usual:,} in the busiest hour of a usual day" if self.usual else "nothing is usual there yet"
        return f"{self.messages:,} {self.channel} messages to numbers beginning with {self.beginning}; {usual}."


def jumps(work: Work) -> list[Jump]:
    """Return where far more than usual was sent within the last hour, and remember the hour: platform work."""
    now = work.clock()
    asked = {
        "since": ids.at(now - HOUR), "now": now, "today": now.date(), "first": now.date() - timedelta(days=DAYS),
        "never_sent": [MessageState.SKIPPED.value, MessageState.CANCELLED.value],
    }  # fmt: skip
    with uses.within(work, Use.SECURE):
        return [Jump(*row) for row in work.session.execute(_COUNT, asked)]


def watch(work: Work) -> int:
    """Raise the alarm where far more than usual is sent, end it where that is over; return how many were raised."""
    found = {owner: list(each) for owner, each in groupby(jumps(work), lambda jump: jump.organisation_id)}
    raised = sum(_raise(work, owner, each) for owner, each in found.items())
    _end_others(work, list(found))
    return raised


def _raise(work: Work, owner: int, found: Sequence[Jump]) -> bool:
    said = "\n".join(jump.sentence for jump in found[:_SHOWN])
    advice = (
        "Look at the messages: numbers that follow each other, asked for by one program, are not people. "
        "Revoke the API key that sends them, and ask the provider to close the range."
    )
    posted = board.post(
        work, KIND, "Far more messages than usual to a range of numbers", f"{said}\n\n{advice}",
        roles=(ORGANISATION_ADMINISTRATOR,), organisation_id=owner, level=board.ALARM, link="/messages/list/",
        key=f"{KIND}:{owner}",
    )  # fmt: skip
    if posted is None:
        return False
    name = work.session.scalar(select(Organisation.name).where(Organisation.id == owner))
    board.post(
        work, KIND, f"{name}: far more messages than usual to a range of numbers", f"{said}\n\n{advice}",
        roles=(PLATFORM_ADMINISTRATOR,), level=board.ALARM, link=f"/organisations/show/{owner}",
        key=f"{KIND}:{owner}:platform",
    )  # fmt: skip
    first = found[0]
    audit.record_named(
        work, "traffic.inflated", owner, "Range", first.beginning, first.beginning, channel=first.channel,
        messages=first.messages, usual=first.usual, ranges=len(found),
    )  # fmt: skip
    return True


def _end_others(work: Work, owners: Sequence[int]) -> None:
    still = [key for owner in owners for key in (f"{KIND}:{owner}", f"{KIND}:{owner}:platform")]
    work.session.execute(
        update(Notice)
        .where(Notice.kind == KIND, Notice.ended_at.is_(None), Notice.key.not_in(still))
        .values(ended_at=work.clock())
    )
