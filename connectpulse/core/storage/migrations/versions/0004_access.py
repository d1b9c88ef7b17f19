"""Sessions, second factors, invitations, wrong attempts and sign-ins.

Revision: 0004, after 0003
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('pulse_second_factor_rule',
    sa.Column('role', sa.String(length=40), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.PrimaryKeyConstraint('role', name=op.f('pk_pulse_second_factor_rule'))
    )
    op.create_table('pulse_account',
    sa.Column('user_id', sa.Integer(), nullable=False),
    sa.Column('must_change', sa.Boolean(), server_default='false', nullable=False),
    sa.Column('totp', sa.LargeBinary(), nullable=True),
    sa.Column('totp_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('totp_step', sa.BigInteger(), server_default='0', nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.ForeignKeyConstraint(['user_id'], ['ab_user.id'], name=op.f('fk_pulse_account_user_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('user_id', name=op.f('pk_pulse_account'))
    )
    op.create_table('pulse_challenge',
    sa.Column('id', sa.BigInteger(), server_default=sa.text('pulse_id()'), nullable=False),
    sa.Column('user_id', sa.Integer(), nullable=True),
    sa.Column('word', sa.LargeBinary(), nullable=False),
    sa.Column('purpose', sa.String(length=20), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['user_id'], ['ab_user.id'], name=op.f('fk_pulse_challenge_user_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_pulse_challenge'))
    )
    op.create_table('pulse_invitation',
    sa.Column('id', sa.BigInteger(), server_default=sa.text('pulse_id()'), nullable=False),
    sa.Column('organisation_id', sa.BigInteger(), nullable=True),
    sa.Column('token_hash', sa.LargeBinary(), nullable=False),
    sa.Column('email', sa.String(length=320), nullable=False),
    sa.Column('first_name', sa.String(length=64), server_default='', nullable=False),
    sa.Column('last_name', sa.String(length=64), server_default='', nullable=False),
    sa.Column('role', sa.String(length=40), nullable=False),
    sa.Column('invited_by', sa.String(length=200), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('why', sa.String(length=20), server_default='', nullable=False),
    sa.ForeignKeyConstraint(['organisation_id'], ['pulse_organisation.id'], name=op.f('fk_pulse_invitation_organisation_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_pulse_invitation')),
    sa.UniqueConstraint('token_hash', name=op.f('uq_pulse_invitation_token_hash'))
    )
    op.create_index(op.f('ix_pulse_invitation_organisation_id_id'), 'pulse_invitation', ['organisation_id', 'id'], unique=False)
    op.create_index('uq_pulse_invitation_open', 'pulse_invitation', [sa.literal_column('lower(email)'), sa.literal_column('coalesce(organisation_id, 0)')], unique=True, postgresql_where=sa.text('ended_at IS NULL'))
    op.create_table('pulse_known_device',
    sa.Column('id', sa.BigInteger(), server_default=sa.text('pulse_id()'), nullable=False),
    sa.Column('user_id', sa.Integer(), nullable=False),
    sa.Column('token_hash', sa.LargeBinary(), nullable=False),
    sa.Column('device', sa.String(length=120), nullable=False),
    sa.Column('seen_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['user_id'], ['ab_user.id'], name=op.f('fk_pulse_known_device_user_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_pulse_known_device')),
    sa.UniqueConstraint('user_id', 'token_hash', name=op.f('uq_pulse_known_device_user_id_token_hash'))
    )
    op.create_table('pulse_passkey',
    sa.Column('id', sa.BigInteger(), server_default=sa.text('pulse_id()'), nullable=False),
    sa.Column('user_id', sa.Integer(), nullable=False),
    sa.Column('webauthn_id', sa.LargeBinary(), nullable=False),
    sa.Column('public_key', sa.LargeBinary(), nullable=False),
    sa.Column('sign_count', sa.BigInteger(), nullable=False),
    sa.Column('name', sa.String(length=60), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('used_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['user_id'], ['ab_user.id'], name=op.f('fk_pulse_passkey_user_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_pulse_passkey')),
    sa.UniqueConstraint('webauthn_id', name=op.f('uq_pulse_passkey_webauthn_id'))
    )
    op.create_index(op.f('ix_pulse_passkey_user_id'), 'pulse_passkey', ['user_id'], unique=False)
    op.create_table('pulse_password_reset',
    sa.Column('id', sa.BigInteger(), server_default=sa.text('pulse_id()'), nullable=False),
    sa.Column('user_id', sa.Integer(), nullable=False),
    sa.Column('token_hash', sa.LargeBinary(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('used_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['user_id'], ['ab_user.id'], name=op.f('fk_pulse_password_reset_user_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_pulse_password_reset')),
    sa.UniqueConstraint('token_hash', name=op.f('uq_pulse_password_reset_token_hash'))
    )
    op.create_index(op.f('ix_pulse_password_reset_user_id'), 'pulse_password_reset', ['user_id'], unique=False)
    op.create_table('pulse_recovery_code',
    sa.Column('id', sa.BigInteger(), server_default=sa.text('pulse_id()'), nullable=False),
    sa.Column('user_id', sa.Integer(), nullable=False),
    sa.Column('code_hash', sa.LargeBinary(), nullable=False),
    sa.Column('used_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.ForeignKeyConstraint(['user_id'], ['ab_user.id'], name=op.f('fk_pulse_recovery_code_user_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_pulse_recovery_code')),
    sa.UniqueConstraint('user_id', 'code_hash', name=op.f('uq_pulse_recovery_code_user_id_code_hash'))
    )
    op.create_table('pulse_session',
    sa.Column('id', sa.BigInteger(), server_default=sa.text('pulse_id()'), nullable=False),
    sa.Column('user_id', sa.Integer(), nullable=False),
    sa.Column('token_hash', sa.LargeBinary(), nullable=False),
    sa.Column('is_half', sa.Boolean(), server_default='false', nullable=False),
    sa.Column('way', sa.String(length=40), nullable=False),
    sa.Column('address', sa.String(length=60), nullable=False),
    sa.Column('device', sa.String(length=120), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('proven_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('seen_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('why', sa.String(length=60), server_default='', nullable=False),
    sa.ForeignKeyConstraint(['user_id'], ['ab_user.id'], name=op.f('fk_pulse_session_user_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_pulse_session')),
    sa.UniqueConstraint('token_hash', name=op.f('uq_pulse_session_token_hash'))
    )
    op.create_index('ix_pulse_session_open', 'pulse_session', ['user_id'], unique=False, postgresql_where=sa.text('ended_at IS NULL'))
    op.create_index(op.f('ix_pulse_session_user_id_id'), 'pulse_session', ['user_id', 'id'], unique=False)
    op.create_table('pulse_sign_in',
    sa.Column('id', sa.BigInteger(), server_default=sa.text('pulse_id()'), nullable=False),
    sa.Column('user_id', sa.Integer(), nullable=True),
    sa.Column('is_good', sa.Boolean(), nullable=False),
    sa.Column('reason', sa.String(length=60), nullable=False),
    sa.Column('address', sa.String(length=60), nullable=False),
    sa.Column('network', sa.String(length=60), nullable=False),
    sa.Column('device', sa.String(length=120), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['user_id'], ['ab_user.id'], name=op.f('fk_pulse_sign_in_user_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_pulse_sign_in'))
    )
    op.create_index('ix_pulse_sign_in_network', 'pulse_sign_in', ['user_id', 'network'], unique=False, postgresql_where=sa.text('is_good'))
    op.create_index(op.f('ix_pulse_sign_in_user_id_id'), 'pulse_sign_in', ['user_id', 'id'], unique=False)
    op.create_table('pulse_wrong_tries',
    sa.Column('key', sa.LargeBinary(), nullable=False),
    sa.Column('user_id', sa.Integer(), nullable=True),
    sa.Column('count', sa.Integer(), nullable=False),
    sa.Column('closed_until', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['user_id'], ['ab_user.id'], name=op.f('fk_pulse_wrong_tries_user_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('key', name=op.f('pk_pulse_wrong_tries'))
    )
    op.create_index(op.f('ix_pulse_wrong_tries_user_id'), 'pulse_wrong_tries', ['user_id'], unique=False)
    op.create_index('ix_ab_user_email_lower', 'ab_user', [sa.literal_column('lower(email)')], unique=False)
    op.create_index('ix_ab_user_username_lower', 'ab_user', [sa.literal_column('lower(username)')], unique=False)


def downgrade() -> None:
    op.drop_index('ix_ab_user_username_lower', table_name='ab_user')
    op.drop_index('ix_ab_user_email_lower', table_name='ab_user')
    op.drop_index(op.f('ix_pulse_wrong_tries_user_id'), table_name='pulse_wrong_tries')
    op.drop_table('pulse_wrong_tries')
    op.drop_index(op.f('ix_pulse_sign_in_user_id_id'), table_name='pulse_sign_in')
    op.drop_index('ix_pulse_sign_in_network', table_name='pulse_sign_in', postgresql_where=sa.text('is_good'))
    op.drop_table('pulse_sign_in')
    op.drop_index(op.f('ix_pulse_session_user_id_id'), table_name='pulse_session')
    op.drop_index('ix_pulse_session_open', table_name='pulse_session', postgresql_where=sa.text('ended_at IS NULL'))
    op.drop_table('pulse_session')
    op.drop_table('pulse_recovery_code')
    op.drop_index(op.f('ix_pulse_password_reset_user_id'), table_name='pulse_password_reset')
    op.drop_table('pulse_password_reset')
    op.drop_index(op.f('ix_pulse_passkey_user_id'), table_name='pulse_passkey')
    op.drop_table('pulse_passkey')
    op.drop_table('pulse_known_device')
    op.drop_index('uq_pulse_invitation_open', table_name='pulse_invitation', postgresql_where=sa.text('ended_at IS NULL'))
    op.drop_index(op.f('ix_pulse_invitation_organisation_id_id'), table_name='pulse_invitation')
    op.drop_table('pulse_invitation')
    op.drop_table('pulse_challenge')
    op.drop_table('pulse_account')
    op.drop_table('pulse_second_factor_rule')
