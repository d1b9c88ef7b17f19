"""Backups, and what drills found.

Revision: 0009, after 0008
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('pulse_backup',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('name', sa.String(length=80), nullable=False),
    sa.Column('trigger', sa.String(length=10), nullable=False),
    sa.Column('state', sa.String(length=10), server_default='waiting', nullable=False),
    sa.Column('taken_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('finished_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('due_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('lease_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('worker', sa.String(length=80), nullable=True),
    sa.Column('attempts', sa.Integer(), server_default='0', nullable=False),
    sa.Column('size', sa.BigInteger(), server_default='0', nullable=False),
    sa.Column('dump_size', sa.BigInteger(), server_default='0', nullable=False),
    sa.Column('digest', sa.String(length=64), server_default='', nullable=False),
    sa.Column('error', sa.String(length=300), server_default='', nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_pulse_backup')),
    sa.UniqueConstraint('name', name=op.f('uq_pulse_backup_name'))
    )
    op.create_index('ix_pulse_backup_done', 'pulse_backup', ['taken_at'], unique=False, postgresql_where=sa.text("state = 'done'"))
    op.create_index('uq_pulse_backup_open', 'pulse_backup', [sa.literal_column('(true)')], unique=True, postgresql_where=sa.text("state IN ('waiting', 'running')"))
    op.create_table('pulse_drill',
    sa.Column('id', sa.BigInteger(), server_default=sa.text('pulse_id()'), nullable=False),
    sa.Column('name', sa.String(length=120), nullable=False),
    sa.Column('backup', sa.String(length=80), nullable=False),
    sa.Column('is_passed', sa.Boolean(), nullable=False),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('report', postgresql.JSONB(astext_type=sa.Text()), server_default='{}', nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_pulse_drill')),
    sa.UniqueConstraint('name', name=op.f('uq_pulse_drill_name'))
    )


def downgrade() -> None:
    op.drop_table('pulse_drill')
    op.drop_index('uq_pulse_backup_open', table_name='pulse_backup', postgresql_where=sa.text("state IN ('waiting', 'running')"))
    op.drop_index('ix_pulse_backup_done', table_name='pulse_backup', postgresql_where=sa.text("state = 'done'"))
    op.drop_table('pulse_backup')
