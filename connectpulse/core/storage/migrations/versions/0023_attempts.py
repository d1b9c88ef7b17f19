"""Let references and receipts tell attempts apart, so that a receipt may ask for another one.

Revision: 0023, after 0022
"""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("pulse_reference", sa.Column("attempt", sa.SmallInteger(), server_default="1", nullable=False))
    op.add_column("pulse_receipt", sa.Column("again_seconds", sa.Integer(), nullable=True))


def downgrade() -> None:
    op.drop_column("pulse_receipt", "again_seconds")
    op.drop_column("pulse_reference", "attempt")
