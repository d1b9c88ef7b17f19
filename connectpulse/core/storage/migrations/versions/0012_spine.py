"""Searches for people by index, leases of archives, drafts of checkpoints, ways in.

Revision: 0012, after 0011
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('pulse_access_change',
    sa.Column('kind', sa.String(length=10), nullable=False),
    sa.Column('subject_id', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('changed_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('lease_until', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('kind', 'subject_id', name=op.f('pk_pulse_access_change'))
    )
    op.create_table('pulse_audit_draft',
    sa.Column('number', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('content', sa.LargeBinary(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.PrimaryKeyConstraint('number', name=op.f('pk_pulse_audit_draft'))
    )
    op.create_index(op.f('ix_pulse_api_request_address'), 'pulse_api_request', ['address'], unique=False)
    op.add_column('pulse_archive', sa.Column('writer', sa.String(length=40), server_default='', nullable=False))
    op.add_column('pulse_archive', sa.Column('lease_until', sa.DateTime(timezone=True), nullable=True))
    op.create_index(op.f('ix_pulse_inbound_contact_id'), 'pulse_inbound', ['contact_id'], unique=False)
    op.create_index(op.f('ix_pulse_message_contact_id'), 'pulse_message', ['contact_id'], unique=False)
    op.create_index('ix_pulse_receipt_address', 'pulse_receipt', ['address'], unique=False, postgresql_where=sa.text("address <> ''"))
    op.create_index(op.f('ix_pulse_stray_address'), 'pulse_stray', ['address'], unique=False)


def downgrade() -> None:
    op.drop_index(op.f('ix_pulse_stray_address'), table_name='pulse_stray')
    op.drop_index('ix_pulse_receipt_address', table_name='pulse_receipt', postgresql_where=sa.text("address <> ''"))
    op.drop_index(op.f('ix_pulse_message_contact_id'), table_name='pulse_message')
    op.drop_index(op.f('ix_pulse_inbound_contact_id'), table_name='pulse_inbound')
    op.drop_column('pulse_archive', 'lease_until')
    op.drop_column('pulse_archive', 'writer')
    op.drop_index(op.f('ix_pulse_api_request_address'), table_name='pulse_api_request')
    op.drop_table('pulse_audit_draft')
    op.drop_table('pulse_access_change')
