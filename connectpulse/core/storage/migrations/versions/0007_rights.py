"""Requests of people about their data, copies of it, and who was erased.

Revision: 0007, after 0006
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('pulse_erased',
    sa.Column('organisation_id', sa.BigInteger(), nullable=False),
    sa.Column('hash', sa.LargeBinary(), nullable=False),
    sa.Column('erasure', sa.String(length=60), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.PrimaryKeyConstraint('organisation_id', 'hash', 'erasure', name=op.f('pk_pulse_erased'))
    )
    op.create_index(op.f('ix_pulse_erased_erasure'), 'pulse_erased', ['erasure'], unique=False)
    op.create_table('pulse_subject_request',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('organisation_id', sa.BigInteger(), nullable=True),
    sa.Column('kind', sa.String(length=20), nullable=False),
    sa.Column('state', sa.String(length=20), server_default='received', nullable=False),
    sa.Column('source', sa.String(length=20), nullable=False),
    sa.Column('key', sa.String(length=64), nullable=False),
    sa.Column('scheme', sa.String(length=20), nullable=False),
    sa.Column('address', sa.String(length=320), nullable=False),
    sa.Column('name', sa.String(length=200), server_default='', nullable=False),
    sa.Column('message', sa.String(length=2000), server_default='', nullable=False),
    sa.Column('wanted', postgresql.JSONB(astext_type=sa.Text()), server_default='{}', nullable=False),
    sa.Column('proof', sa.String(length=500), server_default='', nullable=False),
    sa.Column('code_hash', sa.String(length=64), server_default='', nullable=False),
    sa.Column('code_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('code_tries', sa.Integer(), server_default='0', nullable=False),
    sa.Column('codes_sent', sa.Integer(), server_default='0', nullable=False),
    sa.Column('told_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('plan', postgresql.JSONB(astext_type=sa.Text()), server_default='[]', nullable=False),
    sa.Column('digest', sa.String(length=64), server_default='', nullable=False),
    sa.Column('is_urgent', sa.Boolean(), server_default='false', nullable=False),
    sa.Column('stage', sa.String(length=20), server_default='', nullable=False),
    sa.Column('facts', postgresql.JSONB(astext_type=sa.Text()), server_default='{}', nullable=False),
    sa.Column('lease_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('reason', sa.String(length=500), server_default='', nullable=False),
    sa.Column('extension', sa.Integer(), server_default='0', nullable=False),
    sa.Column('extension_reason', sa.String(length=500), server_default='', nullable=False),
    sa.Column('certificate', postgresql.JSONB(astext_type=sa.Text()), nullable=True),
    sa.Column('received_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('due_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('verified_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('planned_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_pulse_subject_request'))
    )
    op.create_index(op.f('ix_pulse_subject_request_address'), 'pulse_subject_request', ['address'], unique=False)
    op.create_index('ix_pulse_subject_request_approved', 'pulse_subject_request', ['id'], unique=False, postgresql_where=sa.text("state = 'approved'"))
    op.create_index(op.f('ix_pulse_subject_request_organisation_id_id'), 'pulse_subject_request', ['organisation_id', 'id'], unique=False)
    op.create_index('uq_pulse_subject_request_open', 'pulse_subject_request', ['key'], unique=True, postgresql_where=sa.text("state NOT IN ('done', 'refused', 'withdrawn')"))
    op.create_table('pulse_subject_package',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('organisation_id', sa.BigInteger(), nullable=True),
    sa.Column('request_id', sa.BigInteger(), nullable=False),
    sa.Column('state', sa.String(length=10), server_default='ready', nullable=False),
    sa.Column('name', sa.String(length=120), nullable=False),
    sa.Column('digest', sa.String(length=64), nullable=False),
    sa.Column('size', sa.BigInteger(), nullable=False),
    sa.Column('secret', sa.LargeBinary(), nullable=True),
    sa.Column('token_hash', sa.String(length=64), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('fetched_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.ForeignKeyConstraint(['request_id'], ['pulse_subject_request.id'], name=op.f('fk_pulse_subject_package_request_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_pulse_subject_package'))
    )
    op.create_index(op.f('ix_pulse_subject_package_request_id'), 'pulse_subject_package', ['request_id'], unique=False)
    op.create_index(op.f('ix_pulse_subject_package_token_hash'), 'pulse_subject_package', ['token_hash'], unique=True)


def downgrade() -> None:
    op.drop_index(op.f('ix_pulse_subject_package_token_hash'), table_name='pulse_subject_package')
    op.drop_index(op.f('ix_pulse_subject_package_request_id'), table_name='pulse_subject_package')
    op.drop_table('pulse_subject_package')
    op.drop_index('uq_pulse_subject_request_open', table_name='pulse_subject_request', postgresql_where=sa.text("state NOT IN ('done', 'refused', 'withdrawn')"))
    op.drop_index(op.f('ix_pulse_subject_request_organisation_id_id'), table_name='pulse_subject_request')
    op.drop_index('ix_pulse_subject_request_approved', table_name='pulse_subject_request', postgresql_where=sa.text("state = 'approved'"))
    op.drop_index(op.f('ix_pulse_subject_request_address'), table_name='pulse_subject_request')
    op.drop_table('pulse_subject_request')
    op.drop_index(op.f('ix_pulse_erased_erasure'), table_name='pulse_erased')
    op.drop_table('pulse_erased')
