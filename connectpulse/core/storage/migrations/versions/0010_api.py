"""Keys, requests and answers of the API.

Revision: 0010, after 0007
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('pulse_api_request',
    sa.Column('id', sa.BigInteger(), server_default=sa.text('pulse_id()'), nullable=False),
    sa.Column('organisation_id', sa.BigInteger(), nullable=True),
    sa.Column('key_id', sa.BigInteger(), nullable=True),
    sa.Column('connection_id', sa.BigInteger(), nullable=True),
    sa.Column('method', sa.String(length=10), nullable=False),
    sa.Column('route', sa.String(length=120), nullable=False),
    sa.Column('status', sa.SmallInteger(), nullable=False),
    sa.Column('size', sa.BigInteger(), nullable=False),
    sa.Column('milliseconds', sa.Integer(), nullable=False),
    sa.Column('address', sa.String(length=60), nullable=False),
    sa.Column('agent', sa.String(length=120), server_default='', nullable=False),
    sa.Column('request_id', sa.String(length=40), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_pulse_api_request')),
    postgresql_partition_by='RANGE (id)'
    )
    op.create_index('ix_pulse_api_request_failed', 'pulse_api_request', ['organisation_id', 'id'], unique=False, postgresql_where=sa.text('status >= 400'))
    op.create_index('ix_pulse_api_request_key', 'pulse_api_request', ['key_id', 'id'], unique=False, postgresql_where=sa.text('key_id IS NOT NULL'))
    op.create_index(op.f('ix_pulse_api_request_organisation_id_id'), 'pulse_api_request', ['organisation_id', 'id'], unique=False)
    op.create_table('pulse_api_key',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('name', sa.String(length=120), nullable=False),
    sa.Column('prefix', sa.String(length=20), nullable=False),
    sa.Column('digest', sa.LargeBinary(), nullable=False),
    sa.Column('scopes', postgresql.ARRAY(sa.String(length=40)), nullable=False),
    sa.Column('networks', postgresql.ARRAY(sa.String(length=43)), server_default='{}', nullable=False),
    sa.Column('rate_per_minute', sa.Integer(), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('revoked_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('last_used_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('organisation_id', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['organisation_id'], ['pulse_organisation.id'], name=op.f('fk_pulse_api_key_organisation_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_pulse_api_key')),
    sa.UniqueConstraint('digest', name=op.f('uq_pulse_api_key_digest'))
    )
    op.create_index(op.f('ix_pulse_api_key_organisation_id_id'), 'pulse_api_key', ['organisation_id', 'id'], unique=False)
    op.create_table('pulse_api_answer',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('key_id', sa.BigInteger(), nullable=False),
    sa.Column('word', sa.LargeBinary(), nullable=False),
    sa.Column('request', sa.LargeBinary(), nullable=False),
    sa.Column('status', sa.SmallInteger(), server_default='0', nullable=False),
    sa.Column('body', sa.LargeBinary(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('organisation_id', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['key_id'], ['pulse_api_key.id'], name=op.f('fk_pulse_api_answer_key_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['organisation_id'], ['pulse_organisation.id'], name=op.f('fk_pulse_api_answer_organisation_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_pulse_api_answer')),
    sa.UniqueConstraint('key_id', 'word', name=op.f('uq_pulse_api_answer_key_id_word'))
    )
    op.create_index(op.f('ix_pulse_api_answer_created_at'), 'pulse_api_answer', ['created_at'], unique=False)


def downgrade() -> None:
    op.drop_index(op.f('ix_pulse_api_answer_created_at'), table_name='pulse_api_answer')
    op.drop_table('pulse_api_answer')
    op.drop_index(op.f('ix_pulse_api_key_organisation_id_id'), table_name='pulse_api_key')
    op.drop_table('pulse_api_key')
    op.drop_index(op.f('ix_pulse_api_request_organisation_id_id'), table_name='pulse_api_request')
    op.drop_index('ix_pulse_api_request_key', table_name='pulse_api_request', postgresql_where=sa.text('key_id IS NOT NULL'))
    op.drop_index('ix_pulse_api_request_failed', table_name='pulse_api_request', postgresql_where=sa.text('status >= 400'))
    op.drop_table('pulse_api_request')
