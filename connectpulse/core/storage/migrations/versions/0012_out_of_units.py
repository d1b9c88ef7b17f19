"""Remember which campaigns wait for units.

Revision: 0012, after 0011
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("pulse_campaign", sa.Column("is_out_of_units", sa.Boolean(), server_default="false", nullable=False))
    op.create_index(
        "ix_pulse_campaign_out_of_units", "pulse_campaign", ["organisation_id"],
        postgresql_where=sa.text("is_out_of_units"),
    )  # fmt: skip


def downgrade() -> None:
    op.drop_index("ix_pulse_campaign_out_of_units", "pulse_campaign")
    op.drop_column("pulse_campaign", "is_out_of_units")
