"""Let messages share what all recipients get, and opt-outs hold on every channel.

Revision: 0020, after 0019
"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("pulse_dispatch", sa.Column("version_id", sa.BigInteger(), nullable=True))
    op.add_column(
        "pulse_organisation", sa.Column("shares_opt_outs", sa.Boolean(), server_default="true", nullable=False)
    )


def downgrade() -> None:
    op.drop_column("pulse_organisation", "shares_opt_outs")
    op.drop_column("pulse_dispatch", "version_id")
