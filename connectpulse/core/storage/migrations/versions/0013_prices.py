"""Name the prices a quote and a campaign rest on.

Revision: 0013, after 0012
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('pulse_campaign', sa.Column('price_version', sa.String(length=120), server_default='', nullable=False))
    op.add_column('pulse_quote', sa.Column('price_version', sa.String(length=120), server_default='', nullable=False))
    op.drop_column('pulse_quote', 'probes')


def downgrade() -> None:
    op.add_column('pulse_quote', sa.Column('probes', postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'::jsonb"), autoincrement=False, nullable=False))
    op.drop_column('pulse_quote', 'price_version')
    op.drop_column('pulse_campaign', 'price_version')
