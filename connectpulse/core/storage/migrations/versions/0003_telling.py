"""Mail, notices, and decisions of two people.

Revision: 0003, after 0002
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('pulse_decision',
    sa.Column('id', sa.BigInteger(), server_default=sa.text('pulse_id()'), nullable=False),
    sa.Column('organisation_id', sa.BigInteger(), nullable=True),
    sa.Column('act', sa.String(length=60), nullable=False),
    sa.Column('subject_id', sa.BigInteger(), nullable=False),
    sa.Column('title', sa.String(length=300), nullable=False),
    sa.Column('reason', sa.String(length=500), server_default='', nullable=False),
    sa.Column('facts', postgresql.JSONB(astext_type=sa.Text()), server_default='{}', nullable=False),
    sa.Column('state', sa.String(length=10), server_default='open', nullable=False),
    sa.Column('asked_by', sa.BigInteger(), nullable=False),
    sa.Column('asked_by_name', sa.String(length=200), nullable=False),
    sa.Column('decided_by', sa.BigInteger(), nullable=True),
    sa.Column('decided_by_name', sa.String(length=200), server_default='', nullable=False),
    sa.Column('decided_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('answer', sa.String(length=500), server_default='', nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_pulse_decision'))
    )
    op.create_index(op.f('ix_pulse_decision_organisation_id_id'), 'pulse_decision', ['organisation_id', 'id'], unique=False)
    op.create_index('uq_pulse_decision_open', 'pulse_decision', ['act', 'subject_id'], unique=True, postgresql_where=sa.text("state = 'open'"))
    op.create_table('pulse_mail',
    sa.Column('id', sa.BigInteger(), server_default=sa.text('pulse_id()'), nullable=False),
    sa.Column('organisation_id', sa.BigInteger(), nullable=True),
    sa.Column('recipient', sa.String(length=320), nullable=False),
    sa.Column('subject', sa.String(length=200), nullable=False),
    sa.Column('content', sa.LargeBinary(), nullable=True),
    sa.Column('state', sa.String(length=10), server_default='waiting', nullable=False),
    sa.Column('attempts', sa.Integer(), server_default='0', nullable=False),
    sa.Column('due_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('error', sa.String(length=300), server_default='', nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('sent_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_pulse_mail'))
    )
    op.create_index('ix_pulse_mail_due', 'pulse_mail', ['due_at'], unique=False, postgresql_where=sa.text("state = 'waiting'"))
    op.create_index(op.f('ix_pulse_mail_recipient'), 'pulse_mail', ['recipient'], unique=False)
    op.create_table('pulse_notice',
    sa.Column('id', sa.BigInteger(), server_default=sa.text('pulse_id()'), nullable=False),
    sa.Column('organisation_id', sa.BigInteger(), nullable=True),
    sa.Column('user_id', sa.Integer(), nullable=True),
    sa.Column('roles', postgresql.ARRAY(sa.String(length=40)), server_default='{}', nullable=False),
    sa.Column('level', sa.String(length=10), server_default='info', nullable=False),
    sa.Column('kind', sa.String(length=60), nullable=False),
    sa.Column('title', sa.String(length=200), nullable=False),
    sa.Column('body', sa.Text(), server_default='', nullable=False),
    sa.Column('link', sa.String(length=300), server_default='', nullable=False),
    sa.Column('key', sa.String(length=120), server_default='', nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['user_id'], ['ab_user.id'], name=op.f('fk_pulse_notice_user_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_pulse_notice'))
    )
    op.create_index(op.f('ix_pulse_notice_organisation_id_id'), 'pulse_notice', ['organisation_id', 'id'], unique=False)
    op.create_index('uq_pulse_notice_open', 'pulse_notice', ['key'], unique=True, postgresql_where=sa.text("ended_at IS NULL AND key <> ''"))
    op.create_table('pulse_notice_read',
    sa.Column('user_id', sa.Integer(), nullable=False),
    sa.Column('notice_id', sa.BigInteger(), nullable=False),
    sa.Column('read_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.ForeignKeyConstraint(['notice_id'], ['pulse_notice.id'], name=op.f('fk_pulse_notice_read_notice_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['user_id'], ['ab_user.id'], name=op.f('fk_pulse_notice_read_user_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('user_id', 'notice_id', name=op.f('pk_pulse_notice_read'))
    )


def downgrade() -> None:
    op.drop_table('pulse_notice_read')
    op.drop_index('uq_pulse_notice_open', table_name='pulse_notice', postgresql_where=sa.text("ended_at IS NULL AND key <> ''"))
    op.drop_index(op.f('ix_pulse_notice_organisation_id_id'), table_name='pulse_notice')
    op.drop_table('pulse_notice')
    op.drop_index(op.f('ix_pulse_mail_recipient'), table_name='pulse_mail')
    op.drop_index('ix_pulse_mail_due', table_name='pulse_mail', postgresql_where=sa.text("state = 'waiting'"))
    op.drop_table('pulse_mail')
    op.drop_index('uq_pulse_decision_open', table_name='pulse_decision', postgresql_where=sa.text("state = 'open'"))
    op.drop_index(op.f('ix_pulse_decision_organisation_id_id'), table_name='pulse_decision')
    op.drop_table('pulse_decision')
