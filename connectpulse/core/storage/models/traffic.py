"""How many messages of no campaign usually go to a range of numbers: what inflated traffic is told by."""

from datetime import date, datetime

from sqlalchemy import Date, DateTime, PrimaryKeyConstraint, String
from sqlalchemy.orm import Mapped, mapped_column

from ..base import Owned, Table


class RangePeak(Owned, Table):
    """The most messages of no campaign that went to a range of numbers within an hour of a day.

    `beginning` is what the numbers of the range begin with; nobody can be told by it.
    """

    __tablename__ = "pulse_range_peak"
    __table_args__ = (PrimaryKeyConstraint("organisation_id", "channel", "beginning", "day"),)

    channel: Mapped[str] = mapped_column(String(20))
    beginning: Mapped[str] = mapped_column(String(12))
    day: Mapped[date] = mapped_column(Date)
    messages: Mapped[int]
    seen_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
