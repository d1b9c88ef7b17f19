"""Keep how a message's units follow its quantity.

Revision: 0017, after 0016
"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("pulse_message", sa.Column("step", sa.Integer(), server_default="1", nullable=False))


def downgrade() -> None:
    op.drop_column("pulse_message", "step")
