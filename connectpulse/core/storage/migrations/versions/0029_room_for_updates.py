"""Leave room on the pages of messages for the states each goes through.

Revision: 0029, after 0028
"""

from alembic import op

from connectpulse.core.storage import leaves

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
    for leaf in leaves.of(op.get_bind(), "pulse_message"):
        if leaf.low is not None:
            op.execute(f'ALTER TABLE "{leaf.name}" SET (fillfactor = {percent})')
