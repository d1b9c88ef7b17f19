"""Leave room on the pages of messages for the states each goes through.

Revision: 0029, after 0028
"""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _fill(34)


def downgrade() -> None:
    _fill(50)


def _fill(percent: int) -> None:
    """Set how full pages are written from now on; what is written stays as it is."""
    leaves = sa.text("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'pulse_message'::regclass")
    for name in op.get_bind().scalars(leaves).all():
        op.execute(f"ALTER TABLE {name} SET (fillfactor = {percent})")
