"""Keep how many messages of no campaign usually go to a range of numbers.

Revision: 0019, after 0018
"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('pulse_range_peak',
    sa.Column('organisation_id', sa.BigInteger(), nullable=False),
    sa.Column('channel', sa.String(length=20), nullable=False),
    sa.Column('beginning', sa.String(length=12), nullable=False),
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('messages', sa.Integer(), nullable=False),
    sa.Column('seen_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['organisation_id'], ['pulse_organisation.id'], name=op.f('fk_pulse_range_peak_organisation_id_pulse_organisation'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('organisation_id', 'channel', 'beginning', 'day', name=op.f('pk_pulse_range_peak'))
    )


def downgrade() -> None:
    op.drop_table('pulse_range_peak')
