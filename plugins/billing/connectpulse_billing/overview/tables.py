"""What was spent, summed up so that no page counts entries or messages."""

from datetime import date
from decimal import Decimal

from sqlalchemy import BigInteger, Date, Index, Numeric, PrimaryKeyConstraint, String
from sqlalchemy.orm import Mapped, mapped_column

from connectpulse.core.api import CreatedAt, OwnedApart, Table

Units = Numeric(18, 4)


class Spending(OwnedApart, Table):
    """What one campaign on one channel was charged on one day, by UTC. Campaign 0 are single messages."""

    __tablename__ = "billing_spending"
    __table_args__ = (PrimaryKeyConstraint("organisation_id", "day", "campaign_id", "channel"),)

    day: Mapped[date] = mapped_column(Date)
    campaign_id: Mapped[int] = mapped_column(BigInteger, autoincrement=False)
    channel: Mapped[str] = mapped_column(String(20))
    messages: Mapped[int] = mapped_column(BigInteger)
    units: Mapped[Decimal] = mapped_column(Units)
    created_at: Mapped[CreatedAt]


class Destination(OwnedApart, Table):
    """What a campaign's messages to one place were charged so far; `day` is the campaign's first.

    A place is a country's calling code, `+92`, or the domain of an e-mail address.
    """

    __tablename__ = "billing_destination"
    __table_args__ = (
        PrimaryKeyConstraint("organisation_id", "campaign_id", "place"),
        Index(None, "organisation_id", "day"),
    )

    campaign_id: Mapped[int] = mapped_column(BigInteger, autoincrement=False)
    place: Mapped[str] = mapped_column(String(60))
    day: Mapped[date] = mapped_column(Date)
    messages: Mapped[int] = mapped_column(BigInteger)
    units: Mapped[Decimal] = mapped_column(Units)
    created_at: Mapped[CreatedAt]
