"""Keep which message a receipt names as ours, until it is matched.

Revision: 0025, after 0024
"""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("pulse_receipt", sa.Column("named_id", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    op.drop_column("pulse_receipt", "named_id")
