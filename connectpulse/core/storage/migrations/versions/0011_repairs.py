"""Validity that ends, strays, words on templates, prices a quote rests on.

Revision: 0011, after 0010
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('pulse_stray',
    sa.Column('id', sa.BigInteger(), server_default=sa.text('pulse_id()'), nullable=False),
    sa.Column('connection_id', sa.BigInteger(), nullable=False),
    sa.Column('channel', sa.String(length=20), nullable=False),
    sa.Column('address', sa.String(length=320), nullable=False),
    sa.Column('recipient', sa.String(length=320), nullable=False),
    sa.Column('body', sa.Text(), nullable=False),
    sa.Column('reference', sa.String(length=120), server_default='', nullable=False),
    sa.Column('is_opt_out', sa.Boolean(), server_default='false', nullable=False),
    sa.Column('owners', sa.SmallInteger(), server_default='0', nullable=False),
    sa.Column('received_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_pulse_stray'))
    )
    op.create_index(op.f('ix_pulse_stray_connection_id_reference'), 'pulse_stray', ['connection_id', 'reference'], unique=False)
    op.add_column('pulse_contact_list', sa.Column('changes', sa.BigInteger(), server_default='0', nullable=False))
    op.add_column('pulse_dispatch', sa.Column('expires_at', sa.DateTime(timezone=True), nullable=True))
    op.execute("UPDATE pulse_dispatch SET expires_at = greatest(created_at, due_at) + make_interval(mins => validity_minutes)")
    op.alter_column('pulse_dispatch', 'expires_at', nullable=False)
    op.add_column('pulse_dispatch', sa.Column('recent_seconds', sa.Integer(), nullable=True))
    op.create_index('ix_pulse_dispatch_expiring', 'pulse_dispatch', ['expires_at'], unique=False, postgresql_where=sa.text("state = 'ready'"))
    op.add_column('pulse_organisation', sa.Column('replaces_opt_out_words', sa.Boolean(), server_default='false', nullable=False))
    op.add_column('pulse_organisation', sa.Column('opt_out_replies', postgresql.JSONB(astext_type=sa.Text()), server_default='{}', nullable=False))
    op.add_column('pulse_quote', sa.Column('probes', postgresql.JSONB(astext_type=sa.Text()), server_default='[]', nullable=False))
    op.add_column('pulse_quote', sa.Column('zones', postgresql.JSONB(astext_type=sa.Text()), server_default='{}', nullable=False))
    op.add_column('pulse_template_version', sa.Column('approval_reason', sa.String(length=300), server_default='', nullable=False))
    op.add_column('pulse_template_version', sa.Column('category', sa.String(length=40), server_default='', nullable=False))
    op.create_index('ix_pulse_template_version_approval', 'pulse_template_version', ['approval_reference'], unique=False, postgresql_where=sa.text("approval_reference <> ''"))
    op.create_index('ix_pulse_template_version_pending', 'pulse_template_version', ['id'], unique=False, postgresql_where=sa.text("approval = 'pending'"))


def downgrade() -> None:
    op.drop_index('ix_pulse_template_version_pending', table_name='pulse_template_version', postgresql_where=sa.text("approval = 'pending'"))
    op.drop_index('ix_pulse_template_version_approval', table_name='pulse_template_version', postgresql_where=sa.text("approval_reference <> ''"))
    op.drop_column('pulse_template_version', 'category')
    op.drop_column('pulse_template_version', 'approval_reason')
    op.drop_column('pulse_quote', 'zones')
    op.drop_column('pulse_quote', 'probes')
    op.drop_column('pulse_organisation', 'opt_out_replies')
    op.drop_column('pulse_organisation', 'replaces_opt_out_words')
    op.drop_index('ix_pulse_dispatch_expiring', table_name='pulse_dispatch', postgresql_where=sa.text("state = 'ready'"))
    op.drop_column('pulse_dispatch', 'recent_seconds')
    op.drop_column('pulse_dispatch', 'expires_at')
    op.drop_column('pulse_contact_list', 'changes')
    op.drop_index(op.f('ix_pulse_stray_connection_id_reference'), table_name='pulse_stray')
    op.drop_table('pulse_stray')
