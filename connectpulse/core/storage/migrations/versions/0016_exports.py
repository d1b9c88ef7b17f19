"""Exports of archives, archive files that were merged, reminders of a coming policy.

Revision: 0016, after 0015
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('pulse_archive_export',
    sa.Column('id', sa.BigInteger(), server_default=sa.text('pulse_id()'), nullable=False),
    sa.Column('asked_by', sa.Integer(), nullable=False),
    sa.Column('state', sa.String(length=10), server_default='running', nullable=False),
    sa.Column('table_name', sa.String(length=63), nullable=False),
    sa.Column('address', sa.String(length=320), server_default='', nullable=False),
    sa.Column('campaign_id', sa.BigInteger(), nullable=True),
    sa.Column('since', sa.DateTime(timezone=True), nullable=True),
    sa.Column('until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('until_id', sa.BigInteger(), server_default='0', nullable=False),
    sa.Column('after_id', sa.BigInteger(), server_default='0', nullable=False),
    sa.Column('files_total', sa.Integer(), server_default='0', nullable=False),
    sa.Column('files_done', sa.Integer(), server_default='0', nullable=False),
    sa.Column('rows', sa.BigInteger(), server_default='0', nullable=False),
    sa.Column('parts', postgresql.JSONB(astext_type=sa.Text()), server_default='[]', nullable=False),
    sa.Column('secret', sa.LargeBinary(), nullable=True),
    sa.Column('reason', sa.String(length=300), server_default='', nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('fetched_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('organisation_id', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_pulse_archive_export'))
    )
    op.create_index(op.f('ix_pulse_archive_export_address'), 'pulse_archive_export', ['address'], unique=False)
    op.create_index('ix_pulse_archive_export_open', 'pulse_archive_export', ['id'], unique=False, postgresql_where=sa.text("state IN ('running', 'ready')"))
    op.create_index(op.f('ix_pulse_archive_export_organisation_id_id'), 'pulse_archive_export', ['organisation_id', 'id'], unique=False)
    op.create_table('pulse_merged_file',
    sa.Column('name', sa.String(length=300), nullable=False),
    sa.Column('organisation_id', sa.BigInteger(), nullable=True),
    sa.Column('kept_in', sa.String(length=300), nullable=False),
    sa.Column('merged_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('name', name=op.f('pk_pulse_merged_file'))
    )
    op.create_index(op.f('ix_pulse_merged_file_merged_at'), 'pulse_merged_file', ['merged_at'], unique=False)
    op.create_index(op.f('ix_pulse_merged_file_organisation_id'), 'pulse_merged_file', ['organisation_id'], unique=False)
    op.create_table('pulse_policy_reminder',
    sa.Column('version_id', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('mailed_to', sa.BigInteger(), server_default='0', nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('done_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['version_id'], ['pulse_policy_version.id'], name=op.f('fk_pulse_policy_reminder_version_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('version_id', name=op.f('pk_pulse_policy_reminder'))
    )
    op.add_column('pulse_notice_choice', sa.Column('reminders', sa.String(length=10), server_default='each', nullable=False))


def downgrade() -> None:
    op.drop_column('pulse_notice_choice', 'reminders')
    op.drop_table('pulse_policy_reminder')
    op.drop_index(op.f('ix_pulse_merged_file_organisation_id'), table_name='pulse_merged_file')
    op.drop_index(op.f('ix_pulse_merged_file_merged_at'), table_name='pulse_merged_file')
    op.drop_table('pulse_merged_file')
    op.drop_index(op.f('ix_pulse_archive_export_organisation_id_id'), table_name='pulse_archive_export')
    op.drop_index('ix_pulse_archive_export_open', table_name='pulse_archive_export', postgresql_where=sa.text("state IN ('running', 'ready')"))
    op.drop_index(op.f('ix_pulse_archive_export_address'), table_name='pulse_archive_export')
    op.drop_table('pulse_archive_export')
