"""Make the tables of what was spent.

Revision: 0006, after 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "billing_spending",
        sa.Column("organisation_id", sa.BigInteger(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("campaign_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("channel", sa.String(20), nullable=False),
        sa.Column("messages", sa.BigInteger(), nullable=False),
        sa.Column("units", sa.Numeric(18, 4), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("organisation_id", "day", "campaign_id", "channel", name="pk_billing_spending"),
    )
    op.create_table(
        "billing_destination",
        sa.Column("organisation_id", sa.BigInteger(), nullable=False),
        sa.Column("campaign_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("place", sa.String(60), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("messages", sa.BigInteger(), nullable=False),
        sa.Column("units", sa.Numeric(18, 4), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("organisation_id", "campaign_id", "place", name="pk_billing_destination"),
    )
    op.create_index("ix_billing_destination_organisation_id_day", "billing_destination", ["organisation_id", "day"])


def downgrade() -> None:
    """Drop the tables."""
    op.drop_table("billing_destination")
    op.drop_table("billing_spending")
