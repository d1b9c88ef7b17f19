"""Keep what a provider bills beside what was measured, and what its receipts ask for.

Revision: 0002, after 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("pulse_message", sa.Column("billed", sa.Integer(), nullable=True))
    op.add_column("pulse_receipt", sa.Column("suppress", sa.Boolean(), server_default="false", nullable=False))


def downgrade() -> None:
    op.drop_column("pulse_receipt", "suppress")
    op.drop_column("pulse_message", "billed")
