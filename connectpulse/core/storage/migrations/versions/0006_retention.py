"""Holds, archives, retention's runs and clock, and closed organisations.

Revision: 0006, after 0003
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('pulse_archive',
    sa.Column('id', sa.BigInteger(), server_default=sa.text('pulse_id()'), nullable=False),
    sa.Column('organisation_id', sa.BigInteger(), nullable=True),
    sa.Column('table_name', sa.String(length=63), nullable=False),
    sa.Column('month', sa.String(length=7), nullable=False),
    sa.Column('name', sa.String(length=300), nullable=False),
    sa.Column('rows', sa.BigInteger(), nullable=False),
    sa.Column('size', sa.BigInteger(), nullable=False),
    sa.Column('digest', sa.String(length=64), nullable=False),
    sa.Column('generation', sa.Integer(), server_default='1', nullable=False),
    sa.Column('key', sa.LargeBinary(), nullable=False),
    sa.Column('first_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('last_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('rewritten_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_pulse_archive')),
    sa.UniqueConstraint('name', name=op.f('uq_pulse_archive_name'))
    )
    op.create_index(op.f('ix_pulse_archive_last_at'), 'pulse_archive', ['last_at'], unique=False)
    op.create_index(op.f('ix_pulse_archive_organisation_id_table_name_month'), 'pulse_archive', ['organisation_id', 'table_name', 'month'], unique=False)
    op.create_table('pulse_hold',
    sa.Column('id', sa.BigInteger(), server_default=sa.text('pulse_id()'), nullable=False),
    sa.Column('organisation_id', sa.BigInteger(), nullable=True),
    sa.Column('kind', sa.String(length=20), nullable=False),
    sa.Column('table_name', sa.String(length=63), server_default='', nullable=False),
    sa.Column('scheme', sa.String(length=20), server_default='', nullable=False),
    sa.Column('value', sa.String(length=320), server_default='', nullable=False),
    sa.Column('contact_id', sa.BigInteger(), nullable=True),
    sa.Column('user_id', sa.Integer(), nullable=True),
    sa.Column('reason', sa.String(length=500), nullable=False),
    sa.Column('placed_by', sa.Integer(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('lifted_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_pulse_hold'))
    )
    op.create_index(op.f('ix_pulse_hold_organisation_id_id'), 'pulse_hold', ['organisation_id', 'id'], unique=False)
    op.create_index('ix_pulse_hold_standing', 'pulse_hold', ['id'], unique=False, postgresql_where=sa.text('lifted_at IS NULL'))
    op.create_table('pulse_retention_clock',
    sa.Column('id', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('seen_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('anchored_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('boot', sa.String(length=60), server_default='', nullable=False),
    sa.Column('uptime', sa.Numeric(precision=14, scale=3, asdecimal=False), server_default='0', nullable=False),
    sa.Column('stopped_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('reason', sa.Text(), server_default='', nullable=False),
    sa.Column('runner', sa.String(length=80), server_default='', nullable=False),
    sa.Column('lease_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('run_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_pulse_retention_clock'))
    )
    op.create_table('pulse_retention_run',
    sa.Column('id', sa.BigInteger(), server_default=sa.text('pulse_id()'), nullable=False),
    sa.Column('table_name', sa.String(length=63), server_default='', nullable=False),
    sa.Column('started_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('cutoff', sa.DateTime(timezone=True), nullable=True),
    sa.Column('found', sa.BigInteger(), server_default='0', nullable=False),
    sa.Column('archived', sa.BigInteger(), server_default='0', nullable=False),
    sa.Column('deleted', sa.BigInteger(), server_default='0', nullable=False),
    sa.Column('anonymised', sa.BigInteger(), server_default='0', nullable=False),
    sa.Column('dropped', sa.Integer(), server_default='0', nullable=False),
    sa.Column('digest', sa.String(length=64), server_default='', nullable=False),
    sa.Column('error', sa.String(length=500), server_default='', nullable=False),
    sa.Column('seconds', sa.Numeric(precision=14, scale=3, asdecimal=False), server_default='0', nullable=False),
    sa.Column('is_done', sa.Boolean(), server_default='false', nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_pulse_retention_run'))
    )
    op.create_index(op.f('ix_pulse_retention_run_table_name_id'), 'pulse_retention_run', ['table_name', 'id'], unique=False)
    op.create_table('pulse_rule_choice',
    sa.Column('id', sa.BigInteger(), server_default=sa.text('pulse_id()'), nullable=False),
    sa.Column('organisation_id', sa.BigInteger(), nullable=True),
    sa.Column('table_name', sa.String(length=63), nullable=False),
    sa.Column('days', sa.Integer(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_pulse_rule_choice'))
    )
    op.create_index('uq_pulse_rule_choice', 'pulse_rule_choice', [sa.text("coalesce(organisation_id, 0)"), 'table_name'], unique=True)
    op.create_index('ix_pulse_attempt_age', 'pulse_attempt', ['created_at'], unique=False, postgresql_using='brin', postgresql_with={'pages_per_range': 16, 'autosummarize': 'on'})
    op.add_column('pulse_organisation', sa.Column('closes_at', sa.DateTime(timezone=True), nullable=True))
    op.add_column('pulse_organisation', sa.Column('closed_at', sa.DateTime(timezone=True), nullable=True))
    op.create_index('ix_pulse_receipt_age', 'pulse_receipt', ['id'], unique=False, postgresql_using='brin', postgresql_with={'pages_per_range': 16, 'autosummarize': 'on'})
    op.execute("INSERT INTO pulse_retention_clock (id, seen_at, anchored_at) VALUES (1, now(), now())")


def downgrade() -> None:
    op.drop_index('ix_pulse_receipt_age', table_name='pulse_receipt', postgresql_using='brin', postgresql_with={'pages_per_range': 16, 'autosummarize': 'on'})
    op.drop_column('pulse_organisation', 'closed_at')
    op.drop_column('pulse_organisation', 'closes_at')
    op.drop_index('ix_pulse_attempt_age', table_name='pulse_attempt', postgresql_using='brin', postgresql_with={'pages_per_range': 16, 'autosummarize': 'on'})
    op.drop_index('uq_pulse_rule_choice', table_name='pulse_rule_choice')
    op.drop_table('pulse_rule_choice')
    op.drop_index(op.f('ix_pulse_retention_run_table_name_id'), table_name='pulse_retention_run')
    op.drop_table('pulse_retention_run')
    op.drop_table('pulse_retention_clock')
    op.drop_index('ix_pulse_hold_standing', table_name='pulse_hold', postgresql_where=sa.text('lifted_at IS NULL'))
    op.drop_index(op.f('ix_pulse_hold_organisation_id_id'), table_name='pulse_hold')
    op.drop_table('pulse_hold')
    op.drop_index(op.f('ix_pulse_archive_organisation_id_table_name_month'), table_name='pulse_archive')
    op.drop_index(op.f('ix_pulse_archive_last_at'), table_name='pulse_archive')
    op.drop_table('pulse_archive')
