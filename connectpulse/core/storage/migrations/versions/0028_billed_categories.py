"""Keep what messages are priced as, and what providers say they bill them as.

Revision: 0028, after 0027
"""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("pulse_message", "pulse_receipt"):
        op.add_column(table, sa.Column("category", sa.String(40), server_default="", nullable=False))


def downgrade() -> None:
    for table in ("pulse_receipt", "pulse_message"):
        op.drop_column(table, "category")
