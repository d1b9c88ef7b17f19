"""First tables

Revision: 0001, after 
"""

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
revision = '0001'
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute('CREATE SEQUENCE IF NOT EXISTS pulse_id_seq MINVALUE 0 MAXVALUE 4095 START 0 CYCLE')
    op.execute("""
    CREATE OR REPLACE FUNCTION pulse_id() RETURNS bigint LANGUAGE sql VOLATILE AS $$
        SELECT (((extract(epoch FROM clock_timestamp()) * 1000)::bigint - 1735689600000)
                << 22) | (nextval('pulse_id_seq') << 10)
    $$
    """)
    op.create_table('ab_group',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('name', sa.String(length=100), nullable=False),
    sa.Column('label', sa.String(length=150), nullable=True),
    sa.Column('description', sa.String(length=512), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_ab_group')),
    sa.UniqueConstraint('name', name=op.f('uq_ab_group_name'))
    )
    op.create_table('ab_permission',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('name', sa.String(length=100), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_ab_permission')),
    sa.UniqueConstraint('name', name=op.f('uq_ab_permission_name'))
    )
    op.create_table('ab_register_user',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('first_name', sa.String(length=64), nullable=False),
    sa.Column('last_name', sa.String(length=64), nullable=False),
    sa.Column('username', sa.String(length=128), nullable=False),
    sa.Column('password', sa.String(length=256), nullable=True),
    sa.Column('email', sa.String(length=320), nullable=False),
    sa.Column('registration_date', sa.DateTime(), nullable=True),
    sa.Column('registration_hash', sa.String(length=256), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_ab_register_user')),
    sa.UniqueConstraint('email', name=op.f('uq_ab_register_user_email')),
    sa.UniqueConstraint('username', name=op.f('uq_ab_register_user_username'))
    )
    op.create_table('ab_role',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('name', sa.String(length=64), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_ab_role')),
    sa.UniqueConstraint('name', name=op.f('uq_ab_role_name'))
    )
    op.create_table('ab_user',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('first_name', sa.String(length=64), nullable=False),
    sa.Column('last_name', sa.String(length=64), nullable=False),
    sa.Column('username', sa.String(length=128), nullable=False),
    sa.Column('password', sa.String(length=256), nullable=True),
    sa.Column('active', sa.Boolean(), nullable=True),
    sa.Column('email', sa.String(length=320), nullable=False),
    sa.Column('last_login', sa.DateTime(), nullable=True),
    sa.Column('login_count', sa.Integer(), nullable=True),
    sa.Column('fail_login_count', sa.Integer(), nullable=True),
    sa.Column('created_on', sa.DateTime(), nullable=True),
    sa.Column('changed_on', sa.DateTime(), nullable=True),
    sa.Column('created_by_fk', sa.Integer(), nullable=True),
    sa.Column('changed_by_fk', sa.Integer(), nullable=True),
    sa.ForeignKeyConstraint(['changed_by_fk'], ['ab_user.id'], name=op.f('fk_ab_user_changed_by_fk')),
    sa.ForeignKeyConstraint(['created_by_fk'], ['ab_user.id'], name=op.f('fk_ab_user_created_by_fk')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_ab_user')),
    sa.UniqueConstraint('email', name=op.f('uq_ab_user_email')),
    sa.UniqueConstraint('username', name=op.f('uq_ab_user_username'))
    )
    op.create_table('ab_view_menu',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('name', sa.String(length=250), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_ab_view_menu')),
    sa.UniqueConstraint('name', name=op.f('uq_ab_view_menu_name'))
    )
    op.create_table('pulse_attempt',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('message_id', sa.BigInteger(), nullable=False),
    sa.Column('connection_id', sa.BigInteger(), nullable=False),
    sa.Column('number', sa.SmallInteger(), nullable=False),
    sa.Column('outcome', sa.String(length=20), nullable=False),
    sa.Column('error', sa.String(length=20), server_default='', nullable=False),
    sa.Column('reason', sa.String(length=60), server_default='', nullable=False),
    sa.Column('code', sa.String(length=40), server_default='', nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('organisation_id', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_pulse_attempt'))
    )
    op.create_index(op.f('ix_pulse_attempt_message_id'), 'pulse_attempt', ['message_id'], unique=False)
    op.create_index('ix_pulse_attempt_unknown', 'pulse_attempt', ['connection_id', 'id'], unique=False, postgresql_where=sa.text("outcome = 'unknown'"))
    op.create_table('pulse_audit',
    sa.Column('id', sa.BigInteger(), server_default=sa.text('pulse_id()'), nullable=False),
    sa.Column('organisation_id', sa.BigInteger(), nullable=True),
    sa.Column('verb', sa.String(length=80), nullable=False),
    sa.Column('actor_kind', sa.String(length=20), nullable=False),
    sa.Column('actor_id', sa.BigInteger(), nullable=True),
    sa.Column('actor_name', sa.String(length=200), nullable=False),
    sa.Column('actor_address', sa.String(length=60), server_default='', nullable=False),
    sa.Column('object_type', sa.String(length=60), server_default='', nullable=False),
    sa.Column('object_id', sa.String(length=60), server_default='', nullable=False),
    sa.Column('object_name', sa.String(length=200), server_default='', nullable=False),
    sa.Column('detail', postgresql.JSONB(astext_type=sa.Text()), server_default='{}', nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_pulse_audit')),
    postgresql_partition_by='RANGE (id)'
    )
    op.create_index(op.f('ix_pulse_audit_object_type_object_id_id'), 'pulse_audit', ['object_type', 'object_id', 'id'], unique=False)
    op.create_index(op.f('ix_pulse_audit_organisation_id_id'), 'pulse_audit', ['organisation_id', 'id'], unique=False)
    op.create_table('pulse_callback',
    sa.Column('id', sa.BigInteger(), server_default=sa.text('pulse_id()'), nullable=False),
    sa.Column('connection_id', sa.BigInteger(), nullable=False),
    sa.Column('method', sa.String(length=8), nullable=False),
    sa.Column('url', sa.Text(), nullable=False),
    sa.Column('headers', postgresql.JSONB(astext_type=sa.Text()), server_default='{}', nullable=False),
    sa.Column('body', sa.LargeBinary(), nullable=False),
    sa.Column('state', sa.String(length=10), server_default='open', nullable=False),
    sa.Column('error', sa.String(length=300), server_default='', nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_pulse_callback'))
    )
    op.create_index('ix_pulse_callback_open', 'pulse_callback', ['id'], unique=False, postgresql_where=sa.text("state = 'open'"))
    op.create_table('pulse_counter',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('campaign_id', sa.BigInteger(), nullable=False),
    sa.Column('name', sa.String(length=80), nullable=False),
    sa.Column('amount', sa.Numeric(precision=18, scale=4), nullable=False),
    sa.Column('organisation_id', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_pulse_counter'))
    )
    op.create_index(op.f('ix_pulse_counter_campaign_id_name'), 'pulse_counter', ['campaign_id', 'name'], unique=False)
    op.create_table('pulse_dispatch',
    sa.Column('id', sa.BigInteger(), server_default=sa.text('pulse_id()'), nullable=False),
    sa.Column('campaign_id', sa.BigInteger(), server_default='0', nullable=False),
    sa.Column('connection_id', sa.BigInteger(), nullable=False),
    sa.Column('alternatives', postgresql.ARRAY(sa.BigInteger()), server_default='{}', nullable=False),
    sa.Column('channel', sa.String(length=20), nullable=False),
    sa.Column('purpose', sa.String(length=20), nullable=False),
    sa.Column('sender', sa.String(length=320), nullable=False),
    sa.Column('validity_minutes', sa.Integer(), nullable=False),
    sa.Column('zone', sa.String(length=64), nullable=True),
    sa.Column('first_id', sa.BigInteger(), nullable=False),
    sa.Column('last_id', sa.BigInteger(), nullable=False),
    sa.Column('cursor', sa.BigInteger(), nullable=False),
    sa.Column('messages', sa.Integer(), nullable=False),
    sa.Column('attempt', sa.SmallInteger(), server_default='1', nullable=False),
    sa.Column('state', sa.String(length=10), server_default='ready', nullable=False),
    sa.Column('due_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('closes_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('worker', sa.String(length=80), nullable=True),
    sa.Column('lease_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('organisation_id', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_pulse_dispatch'))
    )
    op.create_index(op.f('ix_pulse_dispatch_campaign_id_state'), 'pulse_dispatch', ['campaign_id', 'state'], unique=False)
    op.create_index('ix_pulse_dispatch_claimed', 'pulse_dispatch', ['lease_until'], unique=False, postgresql_where=sa.text("state = 'claimed'"))
    op.create_index('ix_pulse_dispatch_done', 'pulse_dispatch', ['id'], unique=False, postgresql_where=sa.text("state = 'done'"))
    op.create_index('ix_pulse_dispatch_ready', 'pulse_dispatch', ['connection_id', 'campaign_id', 'due_at', 'id'], unique=False, postgresql_where=sa.text("state = 'ready'"))
    op.create_table('pulse_inbound',
    sa.Column('id', sa.BigInteger(), server_default=sa.text('pulse_id()'), nullable=False),
    sa.Column('connection_id', sa.BigInteger(), nullable=False),
    sa.Column('contact_id', sa.BigInteger(), nullable=True),
    sa.Column('campaign_id', sa.BigInteger(), nullable=True),
    sa.Column('channel', sa.String(length=20), nullable=False),
    sa.Column('address', sa.String(length=320), nullable=False),
    sa.Column('recipient', sa.String(length=320), nullable=False),
    sa.Column('body', sa.Text(), nullable=False),
    sa.Column('reference', sa.String(length=120), server_default='', nullable=False),
    sa.Column('is_opt_out', sa.Boolean(), server_default='false', nullable=False),
    sa.Column('received_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('organisation_id', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_pulse_inbound'))
    )
    op.create_index(op.f('ix_pulse_inbound_connection_id_reference'), 'pulse_inbound', ['connection_id', 'reference'], unique=False)
    op.create_index(op.f('ix_pulse_inbound_organisation_id_address_id'), 'pulse_inbound', ['organisation_id', 'address', 'id'], unique=False)
    op.create_index(op.f('ix_pulse_inbound_organisation_id_id'), 'pulse_inbound', ['organisation_id', 'id'], unique=False)
    op.create_table('pulse_job',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('kind', sa.String(length=60), nullable=False),
    sa.Column('subject_id', sa.BigInteger(), nullable=False),
    sa.Column('organisation_id', sa.BigInteger(), nullable=True),
    sa.Column('state', sa.String(length=10), server_default='waiting', nullable=False),
    sa.Column('run_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('lease_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('worker', sa.String(length=80), nullable=True),
    sa.Column('attempts', sa.Integer(), server_default='0', nullable=False),
    sa.Column('error', sa.String(length=500), server_default='', nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_pulse_job'))
    )
    op.create_index('ix_pulse_job_open', 'pulse_job', ['run_at'], unique=False, postgresql_where=sa.text("state IN ('waiting', 'running')"))
    op.create_index('uq_pulse_job_open', 'pulse_job', ['kind', 'subject_id'], unique=True, postgresql_where=sa.text("state IN ('waiting', 'running')"))
    op.create_table('pulse_message',
    sa.Column('id', sa.BigInteger(), server_default=sa.text('pulse_id()'), nullable=False),
    sa.Column('campaign_id', sa.BigInteger(), nullable=True),
    sa.Column('contact_id', sa.BigInteger(), nullable=True),
    sa.Column('dispatch_id', sa.BigInteger(), nullable=True),
    sa.Column('connection_id', sa.BigInteger(), nullable=True),
    sa.Column('changed_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('submitted_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('state', sa.SmallInteger(), nullable=False),
    sa.Column('parts', sa.SmallInteger(), nullable=False),
    sa.Column('attempt', sa.SmallInteger(), server_default='1', nullable=False),
    sa.Column('quantity', sa.Integer(), nullable=False),
    sa.Column('units', sa.Numeric(precision=18, scale=4), nullable=False),
    sa.Column('channel', sa.String(length=20), nullable=False),
    sa.Column('address', sa.String(length=320), nullable=False),
    sa.Column('sender', sa.String(length=320), nullable=False),
    sa.Column('body', sa.Text(), nullable=False),
    sa.Column('extra', postgresql.JSONB(astext_type=sa.Text()), nullable=True),
    sa.Column('reason', sa.String(length=60), server_default='', nullable=False),
    sa.Column('code', sa.String(length=40), server_default='', nullable=False),
    sa.Column('part_states', postgresql.ARRAY(sa.SmallInteger()), nullable=True),
    sa.Column('organisation_id', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_pulse_message')),
    postgresql_partition_by='RANGE (id)'
    )
    op.create_index(op.f('ix_pulse_message_campaign_id_id'), 'pulse_message', ['campaign_id', 'id'], unique=False)
    op.create_index(op.f('ix_pulse_message_organisation_id_address_id'), 'pulse_message', ['organisation_id', 'address', 'id'], unique=False)
    op.create_index(op.f('ix_pulse_message_organisation_id_id'), 'pulse_message', ['organisation_id', 'id'], unique=False)
    op.create_table('pulse_organisation',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('name', sa.String(length=120), nullable=False),
    sa.Column('country', sa.String(length=2), nullable=False),
    sa.Column('timezone', sa.String(length=64), nullable=False),
    sa.Column('is_suspended', sa.Boolean(), server_default='false', nullable=False),
    sa.Column('needs_approval', sa.Boolean(), server_default='false', nullable=False),
    sa.Column('rate_per_second', sa.Integer(), nullable=True),
    sa.Column('opt_out_words', postgresql.JSONB(astext_type=sa.Text()), server_default='[]', nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_pulse_organisation')),
    sa.UniqueConstraint('name', name=op.f('uq_pulse_organisation_name'))
    )
    op.create_table('pulse_pace',
    sa.Column('key', sa.String(length=60), nullable=False),
    sa.Column('next_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('key', name=op.f('pk_pulse_pace'))
    )
    op.create_table('pulse_receipt',
    sa.Column('id', sa.BigInteger(), server_default=sa.text('pulse_id()'), nullable=False),
    sa.Column('organisation_id', sa.BigInteger(), nullable=True),
    sa.Column('message_id', sa.BigInteger(), nullable=True),
    sa.Column('connection_id', sa.BigInteger(), nullable=False),
    sa.Column('occurred_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('quantity', sa.Integer(), nullable=True),
    sa.Column('state', sa.SmallInteger(), nullable=False),
    sa.Column('part', sa.SmallInteger(), server_default='0', nullable=False),
    sa.Column('reference', sa.String(length=120), nullable=False),
    sa.Column('address', sa.String(length=320), server_default='', nullable=False),
    sa.Column('code', sa.String(length=40), server_default='', nullable=False),
    sa.Column('reason', sa.String(length=60), server_default='', nullable=False),
    postgresql_partition_by='RANGE (id)'
    )
    op.create_index('ix_pulse_receipt_message', 'pulse_receipt', ['message_id'], unique=False, postgresql_using='brin', postgresql_with={'pages_per_range': 16, 'autosummarize': 'on'})
    op.create_index('ix_pulse_receipt_orphan', 'pulse_receipt', ['connection_id', 'reference'], unique=False, postgresql_where=sa.text('message_id IS NULL'))
    op.create_table('pulse_reference',
    sa.Column('message_id', sa.BigInteger(), nullable=False),
    sa.Column('connection_id', sa.BigInteger(), nullable=False),
    sa.Column('part', sa.SmallInteger(), nullable=False),
    sa.Column('reference', sa.String(length=120), nullable=False),
    sa.Column('organisation_id', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('reference', 'connection_id', 'message_id', name=op.f('pk_pulse_reference')),
    postgresql_partition_by='RANGE (message_id)'
    )
    op.create_index('ix_pulse_reference_message', 'pulse_reference', ['message_id'], unique=False, postgresql_using='brin', postgresql_with={'pages_per_range': 16, 'autosummarize': 'on'})
    op.create_table('ab_api_key',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('uuid', sa.String(length=36), nullable=False),
    sa.Column('name', sa.String(length=256), nullable=False),
    sa.Column('key_hash', sa.String(length=256), nullable=False),
    sa.Column('lookup_hash', sa.String(length=256), nullable=True),
    sa.Column('key_prefix', sa.String(length=16), nullable=False),
    sa.Column('user_id', sa.Integer(), nullable=False),
    sa.Column('scopes', sa.Text(), nullable=True),
    sa.Column('active', sa.Boolean(), nullable=False),
    sa.Column('created_on', sa.DateTime(), nullable=True),
    sa.Column('expires_on', sa.DateTime(), nullable=True),
    sa.Column('revoked_on', sa.DateTime(), nullable=True),
    sa.Column('last_used_on', sa.DateTime(), nullable=True),
    sa.ForeignKeyConstraint(['user_id'], ['ab_user.id'], name=op.f('fk_ab_api_key_user_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_ab_api_key')),
    sa.UniqueConstraint('lookup_hash', name=op.f('uq_ab_api_key_lookup_hash')),
    sa.UniqueConstraint('uuid', name=op.f('uq_ab_api_key_uuid'))
    )
    op.create_index('idx_api_key_lookup_hash', 'ab_api_key', ['lookup_hash'], unique=True)
    op.create_index('idx_api_key_prefix', 'ab_api_key', ['key_prefix'], unique=False)
    op.create_index('idx_api_key_user_id', 'ab_api_key', ['user_id'], unique=False)
    op.create_table('ab_group_role',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('group_id', sa.Integer(), nullable=True),
    sa.Column('role_id', sa.Integer(), nullable=True),
    sa.ForeignKeyConstraint(['group_id'], ['ab_group.id'], name=op.f('fk_ab_group_role_group_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['role_id'], ['ab_role.id'], name=op.f('fk_ab_group_role_role_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_ab_group_role')),
    sa.UniqueConstraint('group_id', 'role_id', name=op.f('uq_ab_group_role_group_id_role_id'))
    )
    op.create_index('idx_group_id', 'ab_group_role', ['group_id'], unique=False)
    op.create_index('idx_group_role_id', 'ab_group_role', ['role_id'], unique=False)
    op.create_table('ab_permission_view',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('permission_id', sa.Integer(), nullable=False),
    sa.Column('view_menu_id', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['permission_id'], ['ab_permission.id'], name=op.f('fk_ab_permission_view_permission_id')),
    sa.ForeignKeyConstraint(['view_menu_id'], ['ab_view_menu.id'], name=op.f('fk_ab_permission_view_view_menu_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_ab_permission_view')),
    sa.UniqueConstraint('permission_id', 'view_menu_id', name=op.f('uq_ab_permission_view_permission_id_view_menu_id'))
    )
    op.create_index('idx_permission_id', 'ab_permission_view', ['permission_id'], unique=False)
    op.create_index('idx_view_menu_id', 'ab_permission_view', ['view_menu_id'], unique=False)
    op.create_table('ab_user_group',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('user_id', sa.Integer(), nullable=True),
    sa.Column('group_id', sa.Integer(), nullable=True),
    sa.ForeignKeyConstraint(['group_id'], ['ab_group.id'], name=op.f('fk_ab_user_group_group_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['user_id'], ['ab_user.id'], name=op.f('fk_ab_user_group_user_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_ab_user_group')),
    sa.UniqueConstraint('user_id', 'group_id', name=op.f('uq_ab_user_group_user_id_group_id'))
    )
    op.create_index('idx_user_group_id', 'ab_user_group', ['group_id'], unique=False)
    op.create_index('idx_user_id', 'ab_user_group', ['user_id'], unique=False)
    op.create_table('ab_user_role',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('user_id', sa.Integer(), nullable=True),
    sa.Column('role_id', sa.Integer(), nullable=True),
    sa.ForeignKeyConstraint(['role_id'], ['ab_role.id'], name=op.f('fk_ab_user_role_role_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['user_id'], ['ab_user.id'], name=op.f('fk_ab_user_role_user_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_ab_user_role')),
    sa.UniqueConstraint('user_id', 'role_id', name=op.f('uq_ab_user_role_user_id_role_id'))
    )
    op.create_table('pulse_connection',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('organisation_id', sa.BigInteger(), nullable=True),
    sa.Column('name', sa.String(length=120), nullable=False),
    sa.Column('channel', sa.String(length=20), nullable=False),
    sa.Column('provider', sa.String(length=40), nullable=False),
    sa.Column('settings', postgresql.JSONB(astext_type=sa.Text()), server_default='{}', nullable=False),
    sa.Column('secrets', sa.LargeBinary(), nullable=True),
    sa.Column('token', sa.String(length=64), nullable=False),
    sa.Column('window', sa.Integer(), server_default='100', nullable=False),
    sa.Column('sessions', sa.Integer(), server_default='1', nullable=False),
    sa.Column('rate_per_second', sa.Integer(), nullable=True),
    sa.Column('is_active', sa.Boolean(), server_default='true', nullable=False),
    sa.Column('paused_reason', sa.String(length=300), server_default='', nullable=False),
    sa.Column('failures', sa.Integer(), server_default='0', nullable=False),
    sa.Column('open_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('last_error', sa.String(length=300), server_default='', nullable=False),
    sa.Column('last_ok_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('revision', sa.Integer(), server_default='1', nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.ForeignKeyConstraint(['organisation_id'], ['pulse_organisation.id'], name=op.f('fk_pulse_connection_organisation_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_pulse_connection')),
    sa.UniqueConstraint('name', name=op.f('uq_pulse_connection_name')),
    sa.UniqueConstraint('token', name=op.f('uq_pulse_connection_token'))
    )
    op.create_table('pulse_consent',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('scheme', sa.String(length=20), nullable=False),
    sa.Column('value', sa.String(length=320), nullable=False),
    sa.Column('channel', sa.String(length=20), server_default='*', nullable=False),
    sa.Column('purpose', sa.String(length=20), server_default='*', nullable=False),
    sa.Column('evidence', sa.String(length=500), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('organisation_id', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['organisation_id'], ['pulse_organisation.id'], name=op.f('fk_pulse_consent_organisation_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_pulse_consent')),
    sa.UniqueConstraint('organisation_id', 'scheme', 'value', 'channel', 'purpose', name=op.f('uq_pulse_consent_organisation_id_scheme_value_channel_purpose'))
    )
    op.create_table('pulse_contact',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('name', sa.String(length=200), server_default='', nullable=False),
    sa.Column('fields', postgresql.JSONB(astext_type=sa.Text()), server_default='{}', nullable=False),
    sa.Column('timezone', sa.String(length=64), nullable=True),
    sa.Column('restricted_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('import_id', sa.BigInteger(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('organisation_id', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['organisation_id'], ['pulse_organisation.id'], name=op.f('fk_pulse_contact_organisation_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_pulse_contact'))
    )
    op.create_index('ix_pulse_contact_name', 'pulse_contact', ['organisation_id', sa.literal_column('lower(name)'), 'id'], unique=False)
    op.create_index('ix_pulse_contact_recent', 'pulse_contact', ['organisation_id', 'id'], unique=False)
    op.create_index('ix_pulse_contact_restricted', 'pulse_contact', ['organisation_id', 'restricted_at'], unique=False, postgresql_where=sa.text('restricted_at IS NOT NULL'))
    op.create_table('pulse_contact_list',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('name', sa.String(length=120), nullable=False),
    sa.Column('description', sa.String(length=500), server_default='', nullable=False),
    sa.Column('size', sa.BigInteger(), server_default='0', nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('organisation_id', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['organisation_id'], ['pulse_organisation.id'], name=op.f('fk_pulse_contact_list_organisation_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_pulse_contact_list')),
    sa.UniqueConstraint('organisation_id', 'id', name=op.f('uq_pulse_contact_list_organisation_id_id')),
    sa.UniqueConstraint('organisation_id', 'name', name=op.f('uq_pulse_contact_list_organisation_id_name'))
    )
    op.create_table('pulse_custom_field',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('name', sa.String(length=63), nullable=False),
    sa.Column('label', sa.String(length=120), nullable=False),
    sa.Column('kind', sa.String(length=20), server_default='text', nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('organisation_id', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['organisation_id'], ['pulse_organisation.id'], name=op.f('fk_pulse_custom_field_organisation_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_pulse_custom_field')),
    sa.UniqueConstraint('organisation_id', 'name', name=op.f('uq_pulse_custom_field_organisation_id_name'))
    )
    op.create_table('pulse_membership',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('user_id', sa.Integer(), nullable=False),
    sa.Column('role', sa.String(length=40), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('organisation_id', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['organisation_id'], ['pulse_organisation.id'], name=op.f('fk_pulse_membership_organisation_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['user_id'], ['ab_user.id'], name=op.f('fk_pulse_membership_user_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_pulse_membership')),
    sa.UniqueConstraint('user_id', 'organisation_id', name=op.f('uq_pulse_membership_user_id_organisation_id'))
    )
    op.create_index(op.f('ix_pulse_membership_organisation_id'), 'pulse_membership', ['organisation_id'], unique=False)
    op.create_table('pulse_sender',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('channel', sa.String(length=20), nullable=False),
    sa.Column('kind', sa.String(length=20), nullable=False),
    sa.Column('value', sa.String(length=320), nullable=False),
    sa.Column('purposes', postgresql.JSONB(astext_type=sa.Text()), server_default='[]', nullable=False),
    sa.Column('approvals', postgresql.JSONB(astext_type=sa.Text()), server_default='[]', nullable=False),
    sa.Column('valid_until', sa.Date(), nullable=True),
    sa.Column('opt_out_hint', sa.String(length=120), server_default='', nullable=False),
    sa.Column('is_active', sa.Boolean(), server_default='true', nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('organisation_id', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['organisation_id'], ['pulse_organisation.id'], name=op.f('fk_pulse_sender_organisation_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_pulse_sender')),
    sa.UniqueConstraint('organisation_id', 'channel', 'value', name=op.f('uq_pulse_sender_organisation_id_channel_value'))
    )
    op.create_index(op.f('ix_pulse_sender_channel_value'), 'pulse_sender', ['channel', 'value'], unique=False)
    op.create_table('pulse_suppression',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('scheme', sa.String(length=20), nullable=False),
    sa.Column('value', sa.String(length=320), nullable=False),
    sa.Column('channel', sa.String(length=20), server_default='*', nullable=False),
    sa.Column('purpose', sa.String(length=20), server_default='*', nullable=False),
    sa.Column('reason', sa.String(length=40), nullable=False),
    sa.Column('source', sa.String(length=200), server_default='', nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('organisation_id', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['organisation_id'], ['pulse_organisation.id'], name=op.f('fk_pulse_suppression_organisation_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_pulse_suppression')),
    sa.UniqueConstraint('organisation_id', 'scheme', 'value', 'channel', 'purpose', name=op.f('uq_pulse_suppression_organisation_id_scheme_value_channel_purpose'))
    )
    op.create_index(op.f('ix_pulse_suppression_organisation_id_created_at'), 'pulse_suppression', ['organisation_id', 'created_at'], unique=False)
    op.create_index(op.f('ix_pulse_suppression_organisation_id_id'), 'pulse_suppression', ['organisation_id', 'id'], unique=False)
    op.create_table('pulse_template',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('name', sa.String(length=120), nullable=False),
    sa.Column('channel', sa.String(length=20), nullable=False),
    sa.Column('is_archived', sa.Boolean(), server_default='false', nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('organisation_id', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['organisation_id'], ['pulse_organisation.id'], name=op.f('fk_pulse_template_organisation_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_pulse_template')),
    sa.UniqueConstraint('organisation_id', 'id', name=op.f('uq_pulse_template_organisation_id_id')),
    sa.UniqueConstraint('organisation_id', 'name', name=op.f('uq_pulse_template_organisation_id_name'))
    )
    op.create_table('ab_permission_view_role',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('permission_view_id', sa.Integer(), nullable=True),
    sa.Column('role_id', sa.Integer(), nullable=True),
    sa.ForeignKeyConstraint(['permission_view_id'], ['ab_permission_view.id'], name=op.f('fk_ab_permission_view_role_permission_view_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['role_id'], ['ab_role.id'], name=op.f('fk_ab_permission_view_role_role_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_ab_permission_view_role')),
    sa.UniqueConstraint('permission_view_id', 'role_id', name=op.f('uq_ab_permission_view_role_permission_view_id_role_id'))
    )
    op.create_index('idx_permission_view_id', 'ab_permission_view_role', ['permission_view_id'], unique=False)
    op.create_index('idx_role_id', 'ab_permission_view_role', ['role_id'], unique=False)
    op.create_table('pulse_address',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('contact_id', sa.BigInteger(), nullable=False),
    sa.Column('scheme', sa.String(length=20), nullable=False),
    sa.Column('value', sa.String(length=320), nullable=False),
    sa.Column('position', sa.Integer(), server_default='0', nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('organisation_id', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['contact_id'], ['pulse_contact.id'], name=op.f('fk_pulse_address_contact_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['organisation_id'], ['pulse_organisation.id'], name=op.f('fk_pulse_address_organisation_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_pulse_address')),
    sa.UniqueConstraint('organisation_id', 'scheme', 'value', name=op.f('uq_pulse_address_organisation_id_scheme_value'))
    )
    op.create_index(op.f('ix_pulse_address_contact_id'), 'pulse_address', ['contact_id'], unique=False)
    op.create_table('pulse_connection_slot',
    sa.Column('connection_id', sa.BigInteger(), nullable=False),
    sa.Column('slot', sa.Integer(), nullable=False),
    sa.Column('worker', sa.String(length=80), nullable=False),
    sa.Column('lease_until', sa.DateTime(timezone=True), nullable=False),
    sa.Column('state', sa.String(length=20), server_default='connecting', nullable=False),
    sa.Column('detail', sa.String(length=300), server_default='', nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['connection_id'], ['pulse_connection.id'], name=op.f('fk_pulse_connection_slot_connection_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('connection_id', 'slot', name=op.f('pk_pulse_connection_slot'))
    )
    op.create_table('pulse_import',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('list_id', sa.BigInteger(), nullable=True),
    sa.Column('filename', sa.String(length=255), nullable=False),
    sa.Column('encoding', sa.String(length=40), nullable=False),
    sa.Column('delimiter', sa.String(length=4), nullable=False),
    sa.Column('has_header', sa.Boolean(), server_default='true', nullable=False),
    sa.Column('header', postgresql.JSONB(astext_type=sa.Text()), server_default='[]', nullable=False),
    sa.Column('mapping', postgresql.JSONB(astext_type=sa.Text()), server_default='[]', nullable=False),
    sa.Column('region', sa.String(length=2), nullable=False),
    sa.Column('consent', sa.String(length=500), server_default='', nullable=False),
    sa.Column('state', sa.String(length=20), server_default='mapping', nullable=False),
    sa.Column('reason', sa.String(length=500), server_default='', nullable=False),
    sa.Column('bytes_total', sa.BigInteger(), server_default='0', nullable=False),
    sa.Column('bytes_done', sa.BigInteger(), server_default='0', nullable=False),
    sa.Column('lines_done', sa.BigInteger(), server_default='0', nullable=False),
    sa.Column('created', sa.BigInteger(), server_default='0', nullable=False),
    sa.Column('updated', sa.BigInteger(), server_default='0', nullable=False),
    sa.Column('duplicates', sa.BigInteger(), server_default='0', nullable=False),
    sa.Column('rejected', sa.BigInteger(), server_default='0', nullable=False),
    sa.Column('suppressed', sa.BigInteger(), server_default='0', nullable=False),
    sa.Column('created_by', sa.String(length=200), server_default='', nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('finished_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('organisation_id', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['list_id'], ['pulse_contact_list.id'], name=op.f('fk_pulse_import_list_id'), ondelete='SET NULL'),
    sa.ForeignKeyConstraint(['organisation_id'], ['pulse_organisation.id'], name=op.f('fk_pulse_import_organisation_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_pulse_import'))
    )
    op.create_index(op.f('ix_pulse_import_organisation_id_id'), 'pulse_import', ['organisation_id', 'id'], unique=False)
    op.create_table('pulse_list_member',
    sa.Column('list_id', sa.BigInteger(), nullable=False),
    sa.Column('contact_id', sa.BigInteger(), nullable=False),
    sa.Column('organisation_id', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['contact_id'], ['pulse_contact.id'], name=op.f('fk_pulse_list_member_contact_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['list_id'], ['pulse_contact_list.id'], name=op.f('fk_pulse_list_member_list_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['organisation_id'], ['pulse_organisation.id'], name=op.f('fk_pulse_list_member_organisation_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('list_id', 'contact_id', name=op.f('pk_pulse_list_member'))
    )
    op.create_index(op.f('ix_pulse_list_member_contact_id'), 'pulse_list_member', ['contact_id'], unique=False)
    op.create_table('pulse_route',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('organisation_id', sa.BigInteger(), nullable=True),
    sa.Column('channel', sa.String(length=20), nullable=False),
    sa.Column('connection_id', sa.BigInteger(), nullable=False),
    sa.Column('priority', sa.Integer(), server_default='10', nullable=False),
    sa.Column('weight', sa.Integer(), server_default='1', nullable=False),
    sa.Column('prefix', sa.String(length=20), server_default='', nullable=False),
    sa.Column('sender', sa.String(length=320), server_default='', nullable=False),
    sa.Column('is_active', sa.Boolean(), server_default='true', nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.ForeignKeyConstraint(['connection_id'], ['pulse_connection.id'], name=op.f('fk_pulse_route_connection_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['organisation_id'], ['pulse_organisation.id'], name=op.f('fk_pulse_route_organisation_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_pulse_route'))
    )
    op.create_index(op.f('ix_pulse_route_channel_priority'), 'pulse_route', ['channel', 'priority'], unique=False)
    op.create_table('pulse_template_version',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('template_id', sa.BigInteger(), nullable=False),
    sa.Column('number', sa.Integer(), nullable=False),
    sa.Column('content', postgresql.JSONB(astext_type=sa.Text()), server_default='{}', nullable=False),
    sa.Column('approval', sa.String(length=20), server_default='not_needed', nullable=False),
    sa.Column('approval_reference', sa.String(length=120), server_default='', nullable=False),
    sa.Column('created_by', sa.String(length=200), server_default='', nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('organisation_id', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['organisation_id'], ['pulse_organisation.id'], name=op.f('fk_pulse_template_version_organisation_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['template_id'], ['pulse_template.id'], name=op.f('fk_pulse_template_version_template_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_pulse_template_version')),
    sa.UniqueConstraint('template_id', 'number', name=op.f('uq_pulse_template_version_template_id_number'))
    )
    op.create_table('pulse_campaign',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('name', sa.String(length=120), nullable=False),
    sa.Column('channel', sa.String(length=20), nullable=False),
    sa.Column('purpose', sa.String(length=20), nullable=False),
    sa.Column('template_version_id', sa.BigInteger(), nullable=True),
    sa.Column('sender_id', sa.BigInteger(), nullable=True),
    sa.Column('timezone', sa.String(length=64), nullable=False),
    sa.Column('scheduled_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('start_within_minutes', sa.Integer(), server_default='60', nullable=False),
    sa.Column('window_start', sa.Time(), nullable=True),
    sa.Column('window_end', sa.Time(), nullable=True),
    sa.Column('window_days', postgresql.JSONB(astext_type=sa.Text()), server_default='[0, 1, 2, 3, 4, 5, 6]', nullable=False),
    sa.Column('rate_per_second', sa.Integer(), nullable=True),
    sa.Column('validity_minutes', sa.Integer(), server_default='1440', nullable=False),
    sa.Column('state', sa.String(length=20), server_default='draft', nullable=False),
    sa.Column('reason', sa.String(length=300), server_default='', nullable=False),
    sa.Column('fingerprint', sa.String(length=64), server_default='', nullable=False),
    sa.Column('cursor', sa.BigInteger(), server_default='0', nullable=False),
    sa.Column('is_expanded', sa.Boolean(), server_default='false', nullable=False),
    sa.Column('served_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('created_by', sa.String(length=200), server_default='', nullable=False),
    sa.Column('launched_by', sa.String(length=200), server_default='', nullable=False),
    sa.Column('launched_by_id', sa.Integer(), nullable=True),
    sa.Column('approved_by', sa.String(length=200), server_default='', nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('launched_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('finished_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('organisation_id', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['organisation_id'], ['pulse_organisation.id'], name=op.f('fk_pulse_campaign_organisation_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['sender_id'], ['pulse_sender.id'], name=op.f('fk_pulse_campaign_sender_id'), ondelete='RESTRICT'),
    sa.ForeignKeyConstraint(['template_version_id'], ['pulse_template_version.id'], name=op.f('fk_pulse_campaign_template_version_id'), ondelete='RESTRICT'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_pulse_campaign')),
    sa.UniqueConstraint('organisation_id', 'id', name=op.f('uq_pulse_campaign_organisation_id_id'))
    )
    op.create_index('ix_pulse_campaign_live', 'pulse_campaign', ['state'], unique=False, postgresql_where=sa.text("state IN ('running', 'scheduled')"))
    op.create_index(op.f('ix_pulse_campaign_organisation_id_id'), 'pulse_campaign', ['organisation_id', 'id'], unique=False)
    op.create_table('pulse_import_chunk',
    sa.Column('import_id', sa.BigInteger(), nullable=False),
    sa.Column('number', sa.Integer(), nullable=False),
    sa.Column('content', sa.LargeBinary(), nullable=False),
    sa.Column('organisation_id', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['import_id'], ['pulse_import.id'], name=op.f('fk_pulse_import_chunk_import_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['organisation_id'], ['pulse_organisation.id'], name=op.f('fk_pulse_import_chunk_organisation_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('import_id', 'number', name=op.f('pk_pulse_import_chunk'))
    )
    op.create_table('pulse_import_fault',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('import_id', sa.BigInteger(), nullable=False),
    sa.Column('line', sa.BigInteger(), nullable=False),
    sa.Column('value', sa.String(length=200), server_default='', nullable=False),
    sa.Column('reason', sa.String(length=300), nullable=False),
    sa.Column('organisation_id', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['import_id'], ['pulse_import.id'], name=op.f('fk_pulse_import_fault_import_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['organisation_id'], ['pulse_organisation.id'], name=op.f('fk_pulse_import_fault_organisation_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_pulse_import_fault'))
    )
    op.create_index(op.f('ix_pulse_import_fault_import_id_line'), 'pulse_import_fault', ['import_id', 'line'], unique=False)
    op.create_table('pulse_campaign_list',
    sa.Column('campaign_id', sa.BigInteger(), nullable=False),
    sa.Column('list_id', sa.BigInteger(), nullable=False),
    sa.Column('is_excluded', sa.Boolean(), server_default='false', nullable=False),
    sa.Column('organisation_id', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['campaign_id'], ['pulse_campaign.id'], name=op.f('fk_pulse_campaign_list_campaign_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['organisation_id', 'list_id'], ['pulse_contact_list.organisation_id', 'pulse_contact_list.id'], name=op.f('fk_pulse_campaign_list_organisation_id_list_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['organisation_id'], ['pulse_organisation.id'], name=op.f('fk_pulse_campaign_list_organisation_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('campaign_id', 'list_id', name=op.f('pk_pulse_campaign_list'))
    )
    op.create_table('pulse_quote',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('campaign_id', sa.BigInteger(), nullable=False),
    sa.Column('fingerprint', sa.String(length=64), nullable=False),
    sa.Column('state', sa.String(length=20), server_default='counting', nullable=False),
    sa.Column('reason', sa.String(length=300), server_default='', nullable=False),
    sa.Column('cursor', sa.BigInteger(), server_default='0', nullable=False),
    sa.Column('audience', sa.BigInteger(), server_default='0', nullable=False),
    sa.Column('recipients', sa.BigInteger(), server_default='0', nullable=False),
    sa.Column('parts', sa.BigInteger(), server_default='0', nullable=False),
    sa.Column('units', sa.Numeric(precision=18, scale=4), server_default='0', nullable=False),
    sa.Column('skipped', postgresql.JSONB(astext_type=sa.Text()), server_default='{}', nullable=False),
    sa.Column('missing', postgresql.JSONB(astext_type=sa.Text()), server_default='{}', nullable=False),
    sa.Column('unpriced', postgresql.JSONB(astext_type=sa.Text()), server_default='{}', nullable=False),
    sa.Column('connections', postgresql.JSONB(astext_type=sa.Text()), server_default='{}', nullable=False),
    sa.Column('sample', postgresql.JSONB(astext_type=sa.Text()), server_default='[]', nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('finished_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('organisation_id', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['campaign_id'], ['pulse_campaign.id'], name=op.f('fk_pulse_quote_campaign_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['organisation_id'], ['pulse_organisation.id'], name=op.f('fk_pulse_quote_organisation_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_pulse_quote'))
    )
    op.create_index(op.f('ix_pulse_quote_campaign_id_id'), 'pulse_quote', ['campaign_id', 'id'], unique=False)


def downgrade() -> None:
    op.drop_index(op.f('ix_pulse_quote_campaign_id_id'), table_name='pulse_quote')
    op.drop_table('pulse_quote')
    op.drop_table('pulse_campaign_list')
    op.drop_index(op.f('ix_pulse_import_fault_import_id_line'), table_name='pulse_import_fault')
    op.drop_table('pulse_import_fault')
    op.drop_table('pulse_import_chunk')
    op.drop_index(op.f('ix_pulse_campaign_organisation_id_id'), table_name='pulse_campaign')
    op.drop_index('ix_pulse_campaign_live', table_name='pulse_campaign', postgresql_where=sa.text("state IN ('running', 'scheduled')"))
    op.drop_table('pulse_campaign')
    op.drop_table('pulse_template_version')
    op.drop_index(op.f('ix_pulse_route_channel_priority'), table_name='pulse_route')
    op.drop_table('pulse_route')
    op.drop_index(op.f('ix_pulse_list_member_contact_id'), table_name='pulse_list_member')
    op.drop_table('pulse_list_member')
    op.drop_index(op.f('ix_pulse_import_organisation_id_id'), table_name='pulse_import')
    op.drop_table('pulse_import')
    op.drop_table('pulse_connection_slot')
    op.drop_index(op.f('ix_pulse_address_contact_id'), table_name='pulse_address')
    op.drop_table('pulse_address')
    op.drop_index('idx_role_id', table_name='ab_permission_view_role')
    op.drop_index('idx_permission_view_id', table_name='ab_permission_view_role')
    op.drop_table('ab_permission_view_role')
    op.drop_table('pulse_template')
    op.drop_index(op.f('ix_pulse_suppression_organisation_id_id'), table_name='pulse_suppression')
    op.drop_index(op.f('ix_pulse_suppression_organisation_id_created_at'), table_name='pulse_suppression')
    op.drop_table('pulse_suppression')
    op.drop_index(op.f('ix_pulse_sender_channel_value'), table_name='pulse_sender')
    op.drop_table('pulse_sender')
    op.drop_index(op.f('ix_pulse_membership_organisation_id'), table_name='pulse_membership')
    op.drop_table('pulse_membership')
    op.drop_table('pulse_custom_field')
    op.drop_table('pulse_contact_list')
    op.drop_index('ix_pulse_contact_restricted', table_name='pulse_contact', postgresql_where=sa.text('restricted_at IS NOT NULL'))
    op.drop_index('ix_pulse_contact_recent', table_name='pulse_contact')
    op.drop_index('ix_pulse_contact_name', table_name='pulse_contact')
    op.drop_table('pulse_contact')
    op.drop_table('pulse_consent')
    op.drop_table('pulse_connection')
    op.drop_table('ab_user_role')
    op.drop_index('idx_user_id', table_name='ab_user_group')
    op.drop_index('idx_user_group_id', table_name='ab_user_group')
    op.drop_table('ab_user_group')
    op.drop_index('idx_view_menu_id', table_name='ab_permission_view')
    op.drop_index('idx_permission_id', table_name='ab_permission_view')
    op.drop_table('ab_permission_view')
    op.drop_index('idx_group_role_id', table_name='ab_group_role')
    op.drop_index('idx_group_id', table_name='ab_group_role')
    op.drop_table('ab_group_role')
    op.drop_index('idx_api_key_user_id', table_name='ab_api_key')
    op.drop_index('idx_api_key_prefix', table_name='ab_api_key')
    op.drop_index('idx_api_key_lookup_hash', table_name='ab_api_key')
    op.drop_table('ab_api_key')
    op.drop_index('ix_pulse_reference_message', table_name='pulse_reference', postgresql_using='brin', postgresql_with={'pages_per_range': 16, 'autosummarize': 'on'})
    op.drop_table('pulse_reference')
    op.drop_index('ix_pulse_receipt_orphan', table_name='pulse_receipt', postgresql_where=sa.text('message_id IS NULL'))
    op.drop_index('ix_pulse_receipt_message', table_name='pulse_receipt', postgresql_using='brin', postgresql_with={'pages_per_range': 16, 'autosummarize': 'on'})
    op.drop_table('pulse_receipt')
    op.drop_table('pulse_pace')
    op.drop_table('pulse_organisation')
    op.drop_index(op.f('ix_pulse_message_organisation_id_id'), table_name='pulse_message')
    op.drop_index(op.f('ix_pulse_message_organisation_id_address_id'), table_name='pulse_message')
    op.drop_index(op.f('ix_pulse_message_campaign_id_id'), table_name='pulse_message')
    op.drop_table('pulse_message')
    op.drop_index('uq_pulse_job_open', table_name='pulse_job', postgresql_where=sa.text("state IN ('waiting', 'running')"))
    op.drop_index('ix_pulse_job_open', table_name='pulse_job', postgresql_where=sa.text("state IN ('waiting', 'running')"))
    op.drop_table('pulse_job')
    op.drop_index(op.f('ix_pulse_inbound_organisation_id_id'), table_name='pulse_inbound')
    op.drop_index(op.f('ix_pulse_inbound_organisation_id_address_id'), table_name='pulse_inbound')
    op.drop_index(op.f('ix_pulse_inbound_connection_id_reference'), table_name='pulse_inbound')
    op.drop_table('pulse_inbound')
    op.drop_index('ix_pulse_dispatch_ready', table_name='pulse_dispatch', postgresql_where=sa.text("state = 'ready'"))
    op.drop_index('ix_pulse_dispatch_done', table_name='pulse_dispatch', postgresql_where=sa.text("state = 'done'"))
    op.drop_index('ix_pulse_dispatch_claimed', table_name='pulse_dispatch', postgresql_where=sa.text("state = 'claimed'"))
    op.drop_index(op.f('ix_pulse_dispatch_campaign_id_state'), table_name='pulse_dispatch')
    op.drop_table('pulse_dispatch')
    op.drop_index(op.f('ix_pulse_counter_campaign_id_name'), table_name='pulse_counter')
    op.drop_table('pulse_counter')
    op.drop_index('ix_pulse_callback_open', table_name='pulse_callback', postgresql_where=sa.text("state = 'open'"))
    op.drop_table('pulse_callback')
    op.drop_index(op.f('ix_pulse_audit_organisation_id_id'), table_name='pulse_audit')
    op.drop_index(op.f('ix_pulse_audit_object_type_object_id_id'), table_name='pulse_audit')
    op.drop_table('pulse_audit')
    op.drop_index('ix_pulse_attempt_unknown', table_name='pulse_attempt', postgresql_where=sa.text("outcome = 'unknown'"))
    op.drop_index(op.f('ix_pulse_attempt_message_id'), table_name='pulse_attempt')
    op.drop_table('pulse_attempt')
    op.drop_table('ab_view_menu')
    op.drop_table('ab_user')
    op.drop_table('ab_role')
    op.drop_table('ab_register_user')
    op.drop_table('ab_permission')
    op.drop_table('ab_group')
    op.execute('DROP FUNCTION pulse_id()')
    op.execute('DROP SEQUENCE pulse_id_seq')
