"""Entries and differences of single messages name a day; an attempt to pay says that a gateway is being asked.

Revision: 0008, after 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns. Entries that are there never change: their days stay unknown, and are not compared."""
    op.add_column("billing_entry", sa.Column("day", sa.Date(), nullable=True))
    op.add_column("billing_difference", sa.Column("day", sa.Date(), nullable=True))
    op.add_column("billing_attempt", sa.Column("asking_until", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "ix_billing_entry_day_organisation_id",
        "billing_entry",
        ["day", "organisation_id"],
        postgresql_where=sa.text("day IS NOT NULL"),
    )


def downgrade() -> None:
    """Drop the columns."""
    op.drop_index("ix_billing_entry_day_organisation_id", "billing_entry")
    op.drop_column("billing_attempt", "asking_until")
    op.drop_column("billing_difference", "day")
    op.drop_column("billing_entry", "day")
