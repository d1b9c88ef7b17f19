"""Find organisations by the beginning of their names, however many there are.

Revision: 0018, after 0017
"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_pulse_organisation_name", "pulse_organisation", [sa.text('(lower(name) COLLATE "C")'), "id"], unique=False
    )


def downgrade() -> None:
    op.drop_index("ix_pulse_organisation_name", table_name="pulse_organisation")
