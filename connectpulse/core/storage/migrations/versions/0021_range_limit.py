"""Let organisations stop messages of no campaign to a range of numbers.

Revision: 0021, after 0020
"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("pulse_organisation", sa.Column("range_limit", sa.Integer(), nullable=True))


def downgrade() -> None:
    op.drop_column("pulse_organisation", "range_limit")
