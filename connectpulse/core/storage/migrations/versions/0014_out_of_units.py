"""Remember which campaigns wait for units, and what the cheapest message of a quote takes.

Revision: 0014, after 0013
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("pulse_campaign", sa.Column("is_out_of_units", sa.Boolean(), server_default="false", nullable=False))
    op.add_column("pulse_quote", sa.Column("least_units", sa.Numeric(precision=18, scale=4), nullable=True))
    op.create_index(
        "ix_pulse_campaign_out_of_units", "pulse_campaign", ["organisation_id"],
        postgresql_where=sa.text("is_out_of_units"),
    )  # fmt: skip


def downgrade() -> None:
    op.drop_index("ix_pulse_campaign_out_of_units", "pulse_campaign")
    op.drop_column("pulse_quote", "least_units")
    op.drop_column("pulse_campaign", "is_out_of_units")
