"""The policy and who accepted it, choices about notices, support, agreements.

Revision: 0008, after 0007
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

GUARD = """
CREATE FUNCTION pulse_policy_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        RAISE EXCEPTION 'published versions of the policy are never deleted' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF TG_OP <> 'INSERT' AND OLD.published_at IS NOT NULL THEN
        RAISE EXCEPTION 'a published version of the policy is never changed' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    IF NEW.published_at IS NOT NULL THEN
        IF NEW.digest IS DISTINCT FROM encode(sha256(convert_to(NEW.text, 'UTF8')), 'hex') THEN
            RAISE EXCEPTION 'the digest is not that of the text' USING ERRCODE = 'check_violation';
        END IF;
        IF NEW.revised_on IS NULL OR NEW.effective_on IS NULL OR NEW.effective_on < NEW.published_at::date THEN
            RAISE EXCEPTION 'the dates of the policy are impossible' USING ERRCODE = 'check_violation';
        END IF;
    END IF;
    RETURN NEW;
END $$
"""
TRIGGERS = (
    "CREATE TRIGGER pulse_policy_guard BEFORE INSERT OR UPDATE OR DELETE ON pulse_policy_version "
    "FOR EACH ROW EXECUTE FUNCTION pulse_policy_guard()",
    "CREATE TRIGGER pulse_policy_guard_truncate BEFORE TRUNCATE ON pulse_policy_version "
    "FOR EACH STATEMENT EXECUTE FUNCTION pulse_policy_guard()",
)


def upgrade() -> None:
    op.create_table('pulse_operator',
    sa.Column('id', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('legal_entity', sa.String(length=200), server_default='', nullable=False),
    sa.Column('address', sa.String(length=500), server_default='', nullable=False),
    sa.Column('email', sa.String(length=320), server_default='', nullable=False),
    sa.Column('phone', sa.String(length=60), server_default='', nullable=False),
    sa.Column('postal', sa.String(length=500), server_default='', nullable=False),
    sa.Column('privacy_inbox', sa.String(length=320), server_default='', nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.CheckConstraint('id = 1', name=op.f('ck_pulse_operator_one')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_pulse_operator'))
    )
    op.create_table('pulse_policy_version',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('source', sa.Text(), nullable=False),
    sa.Column('text', sa.Text(), server_default='', nullable=False),
    sa.Column('digest', sa.String(length=64), nullable=True),
    sa.Column('summary', sa.String(length=1000), server_default='', nullable=False),
    sa.Column('revised_on', sa.Date(), nullable=True),
    sa.Column('effective_on', sa.Date(), nullable=True),
    sa.Column('is_material', sa.Boolean(), server_default='true', nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('published_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_pulse_policy_version')),
    sa.UniqueConstraint('digest', name=op.f('uq_pulse_policy_version_digest'))
    )
    op.create_index('ix_pulse_policy_version_effective', 'pulse_policy_version', ['effective_on', 'id'], unique=False, postgresql_where=sa.text('published_at IS NOT NULL'))
    op.create_index('uq_pulse_policy_version_draft', 'pulse_policy_version', [sa.literal_column('(1)')], unique=True, postgresql_where=sa.text('published_at IS NULL'))
    op.execute(GUARD)
    for trigger in TRIGGERS:
        op.execute(trigger)
    op.create_table('pulse_acceptance',
    sa.Column('id', sa.BigInteger(), server_default=sa.text('pulse_id()'), nullable=False),
    sa.Column('user_id', sa.Integer(), nullable=False),
    sa.Column('digest', sa.String(length=64), nullable=False),
    sa.Column('method', sa.String(length=10), nullable=False),
    sa.Column('network_address', sa.String(length=60), server_default='', nullable=False),
    sa.Column('accepted_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['user_id'], ['ab_user.id'], name=op.f('fk_pulse_acceptance_user_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_pulse_acceptance'))
    )
    op.create_index(op.f('ix_pulse_acceptance_user_id_digest'), 'pulse_acceptance', ['user_id', 'digest'], unique=True)
    op.create_table('pulse_notice_choice',
    sa.Column('user_id', sa.Integer(), nullable=False),
    sa.Column('alarms', sa.String(length=10), server_default='each', nullable=False),
    sa.Column('updates', sa.String(length=10), server_default='digest', nullable=False),
    sa.Column('news', sa.String(length=10), server_default='never', nullable=False),
    sa.Column('digested_to', sa.BigInteger(), server_default='0', nullable=False),
    sa.Column('digested_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.ForeignKeyConstraint(['user_id'], ['ab_user.id'], name=op.f('fk_pulse_notice_choice_user_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('user_id', name=op.f('pk_pulse_notice_choice'))
    )
    op.create_index(op.f('ix_pulse_notice_choice_digested_at_user_id'), 'pulse_notice_choice', ['digested_at', 'user_id'], unique=False)
    op.create_table('pulse_support_request',
    sa.Column('id', sa.BigInteger(), server_default=sa.text('pulse_id()'), nullable=False),
    sa.Column('reference', sa.String(length=12), nullable=False),
    sa.Column('organisation_id', sa.BigInteger(), nullable=True),
    sa.Column('user_id', sa.Integer(), nullable=True),
    sa.Column('name', sa.String(length=128), server_default='', nullable=False),
    sa.Column('email', sa.String(length=320), nullable=False),
    sa.Column('subject', sa.String(length=200), nullable=False),
    sa.Column('state', sa.String(length=10), server_default='open', nullable=False),
    sa.Column('assigned_to', sa.Integer(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('closed_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['assigned_to'], ['ab_user.id'], name=op.f('fk_pulse_support_request_assigned_to'), ondelete='SET NULL'),
    sa.ForeignKeyConstraint(['user_id'], ['ab_user.id'], name=op.f('fk_pulse_support_request_user_id'), ondelete='SET NULL'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_pulse_support_request')),
    sa.UniqueConstraint('reference', name=op.f('uq_pulse_support_request_reference'))
    )
    op.create_index(op.f('ix_pulse_support_request_email_created_at'), 'pulse_support_request', ['email', 'created_at'], unique=False)
    op.create_index(op.f('ix_pulse_support_request_user_id_id'), 'pulse_support_request', ['user_id', 'id'], unique=False)
    op.create_index('ix_pulse_support_request_waiting', 'pulse_support_request', ['id'], unique=False, postgresql_where=sa.text("state <> 'closed'"))
    op.create_table('pulse_agreement',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('connection_id', sa.BigInteger(), nullable=True),
    sa.Column('connection_name', sa.String(length=120), nullable=False),
    sa.Column('party', sa.String(length=200), nullable=False),
    sa.Column('reference', sa.String(length=120), nullable=False),
    sa.Column('agreed_on', sa.Date(), nullable=False),
    sa.Column('expires_on', sa.Date(), nullable=False),
    sa.Column('contact', sa.String(length=200), server_default='', nullable=False),
    sa.Column('email', sa.String(length=320), server_default='', nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.ForeignKeyConstraint(['connection_id'], ['pulse_connection.id'], name=op.f('fk_pulse_agreement_connection_id'), ondelete='SET NULL'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_pulse_agreement'))
    )
    op.create_index(op.f('ix_pulse_agreement_connection_id_expires_on'), 'pulse_agreement', ['connection_id', 'expires_on'], unique=False)
    op.create_index(op.f('ix_pulse_agreement_email'), 'pulse_agreement', ['email'], unique=False)
    op.create_table('pulse_support_message',
    sa.Column('id', sa.BigInteger(), server_default=sa.text('pulse_id()'), nullable=False),
    sa.Column('request_id', sa.BigInteger(), nullable=False),
    sa.Column('user_id', sa.Integer(), nullable=True),
    sa.Column('author_name', sa.String(length=128), server_default='', nullable=False),
    sa.Column('email', sa.String(length=320), server_default='', nullable=False),
    sa.Column('is_answer', sa.Boolean(), server_default='false', nullable=False),
    sa.Column('body', sa.Text(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.ForeignKeyConstraint(['request_id'], ['pulse_support_request.id'], name=op.f('fk_pulse_support_message_request_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['user_id'], ['ab_user.id'], name=op.f('fk_pulse_support_message_user_id'), ondelete='SET NULL'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_pulse_support_message'))
    )
    op.create_index(op.f('ix_pulse_support_message_email'), 'pulse_support_message', ['email'], unique=False)
    op.create_index(op.f('ix_pulse_support_message_request_id_id'), 'pulse_support_message', ['request_id', 'id'], unique=False)
    op.add_column('pulse_connection', sa.Column('is_trial', sa.Boolean(), server_default='false', nullable=False))
    op.add_column('pulse_notice', sa.Column('is_binding', sa.Boolean(), server_default='false', nullable=False))
    op.add_column('pulse_notice', sa.Column('mailed_to', sa.Integer(), server_default='0', nullable=False))
    op.add_column('pulse_notice', sa.Column('mailed_at', sa.DateTime(timezone=True), nullable=True))
    op.execute("UPDATE pulse_notice SET mailed_at = now()")
    op.create_index('ix_pulse_notice_platform', 'pulse_notice', ['id'], unique=False, postgresql_where=sa.text('user_id IS NULL AND organisation_id IS NULL'))
    op.create_index('ix_pulse_notice_unmailed', 'pulse_notice', ['id'], unique=False, postgresql_where=sa.text('mailed_at IS NULL'))
    op.create_index(op.f('ix_pulse_notice_user_id_id'), 'pulse_notice', ['user_id', 'id'], unique=False, postgresql_where=sa.text('user_id IS NOT NULL'))


def downgrade() -> None:
    op.drop_index(op.f('ix_pulse_notice_user_id_id'), table_name='pulse_notice', postgresql_where=sa.text('user_id IS NOT NULL'))
    op.drop_index('ix_pulse_notice_platform', table_name='pulse_notice')
    op.drop_index('ix_pulse_notice_unmailed', table_name='pulse_notice', postgresql_where=sa.text('mailed_at IS NULL'))
    op.drop_column('pulse_notice', 'mailed_at')
    op.drop_column('pulse_notice', 'mailed_to')
    op.drop_column('pulse_notice', 'is_binding')
    op.drop_column('pulse_connection', 'is_trial')
    op.drop_index(op.f('ix_pulse_support_message_request_id_id'), table_name='pulse_support_message')
    op.drop_index(op.f('ix_pulse_support_message_email'), table_name='pulse_support_message')
    op.drop_table('pulse_support_message')
    op.drop_index(op.f('ix_pulse_agreement_email'), table_name='pulse_agreement')
    op.drop_index(op.f('ix_pulse_agreement_connection_id_expires_on'), table_name='pulse_agreement')
    op.drop_table('pulse_agreement')
    op.drop_index('ix_pulse_support_request_waiting', table_name='pulse_support_request', postgresql_where=sa.text("state <> 'closed'"))
    op.drop_index(op.f('ix_pulse_support_request_user_id_id'), table_name='pulse_support_request')
    op.drop_index(op.f('ix_pulse_support_request_email_created_at'), table_name='pulse_support_request')
    op.drop_table('pulse_support_request')
    op.drop_index(op.f('ix_pulse_notice_choice_digested_at_user_id'), table_name='pulse_notice_choice')
    op.drop_table('pulse_notice_choice')
    op.drop_index(op.f('ix_pulse_acceptance_user_id_digest'), table_name='pulse_acceptance')
    op.drop_table('pulse_acceptance')
    op.drop_index('uq_pulse_policy_version_draft', table_name='pulse_policy_version', postgresql_where=sa.text('published_at IS NULL'))
    op.drop_index('ix_pulse_policy_version_effective', table_name='pulse_policy_version', postgresql_where=sa.text('published_at IS NOT NULL'))
    op.drop_table('pulse_policy_version')
    op.execute("DROP FUNCTION pulse_policy_guard()")
    op.drop_table('pulse_operator')
