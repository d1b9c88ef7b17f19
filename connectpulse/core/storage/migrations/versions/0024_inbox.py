"""Keep conversations, whose they are and whether they wait; find what was said with a contact in order of time.

Whoever wrote before this is given a conversation that is done: nobody is asked to answer the past.

Revision: 0024, after 0023
"""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

_BEFORE = """
INSERT INTO pulse_thread (organisation_id, contact_id, scheme, address, state, last_id, inbound_id)
SELECT DISTINCT ON (organisation_id, coalesce(contact_id::text, scheme || ' ' || address))
       organisation_id, contact_id, scheme, address, 'done', id, id
FROM (
    SELECT i.organisation_id, c.id AS contact_id, i.address, i.id, coalesce(a.scheme,
           CASE WHEN i.address LIKE '%@%' THEN 'email' ELSE 'phone' END) AS scheme
    FROM pulse_inbound i
    JOIN pulse_organisation o ON o.id = i.organisation_id
    LEFT JOIN pulse_contact c ON c.id = i.contact_id AND c.organisation_id = i.organisation_id
    LEFT JOIN LATERAL (
        SELECT scheme FROM pulse_address WHERE contact_id = c.id AND value = i.address ORDER BY id LIMIT 1
    ) a ON true
) AS wrote
ORDER BY organisation_id, coalesce(contact_id::text, scheme || ' ' || address), id DESC
"""


def upgrade() -> None:
    op.create_table('pulse_thread',
    sa.Column('id', sa.BigInteger(), server_default=sa.text('pulse_id()'), nullable=False),
    sa.Column('contact_id', sa.BigInteger(), nullable=True),
    sa.Column('scheme', sa.String(length=20), nullable=False),
    sa.Column('address', sa.String(length=320), nullable=False),
    sa.Column('state', sa.String(length=10), server_default='open', nullable=False),
    sa.Column('unread', sa.Integer(), server_default='0', nullable=False),
    sa.Column('waiting_since', sa.DateTime(timezone=True), nullable=True),
    sa.Column('last_id', sa.BigInteger(), nullable=False),
    sa.Column('inbound_id', sa.BigInteger(), nullable=True),
    sa.Column('answer_id', sa.BigInteger(), nullable=True),
    sa.Column('answered_by', sa.BigInteger(), nullable=True),
    sa.Column('assigned_to', sa.Integer(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('organisation_id', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['assigned_to'], ['ab_user.id'], name=op.f('fk_pulse_thread_assigned_to'), ondelete='SET NULL'),
    sa.ForeignKeyConstraint(['contact_id'], ['pulse_contact.id'], name=op.f('fk_pulse_thread_contact_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['organisation_id'], ['pulse_organisation.id'], name=op.f('fk_pulse_thread_organisation_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_pulse_thread'))
    )
    op.create_index('uq_pulse_thread_contact', 'pulse_thread', ['contact_id'], unique=True, postgresql_where=sa.text('contact_id IS NOT NULL'))
    op.create_index('uq_pulse_thread_stranger', 'pulse_thread', ['organisation_id', 'scheme', 'address'], unique=True, postgresql_where=sa.text('contact_id IS NULL'))
    op.create_index(op.f('ix_pulse_thread_organisation_id_scheme_address'), 'pulse_thread', ['organisation_id', 'scheme', 'address'])
    op.create_index(op.f('ix_pulse_thread_organisation_id_state_last_id'), 'pulse_thread', ['organisation_id', 'state', 'last_id'])
    op.create_index('ix_pulse_thread_assigned', 'pulse_thread', ['assigned_to', 'organisation_id', 'state', 'last_id'], postgresql_where=sa.text('assigned_to IS NOT NULL'))
    op.create_index('ix_pulse_thread_unassigned', 'pulse_thread', ['organisation_id', 'last_id'], postgresql_where=sa.text("state = 'open' AND assigned_to IS NULL"))
    op.create_index('ix_pulse_thread_waiting', 'pulse_thread', ['organisation_id', 'last_id'], postgresql_where=sa.text('waiting_since IS NOT NULL'))
    op.create_index('ix_pulse_thread_unread', 'pulse_thread', ['organisation_id'], postgresql_where=sa.text('unread > 0'))
    op.create_table('pulse_canned_answer',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('title', sa.String(length=120), nullable=False),
    sa.Column('channel', sa.String(length=20), server_default='', nullable=False),
    sa.Column('body', sa.Text(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('organisation_id', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['organisation_id'], ['pulse_organisation.id'], name=op.f('fk_pulse_canned_answer_organisation_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_pulse_canned_answer')),
    sa.UniqueConstraint('organisation_id', 'title', name=op.f('uq_pulse_canned_answer_organisation_id_title'))
    )
    for table in ('pulse_message', 'pulse_inbound'):
        op.create_index(op.f(f'ix_{table}_contact_id_id'), table, ['contact_id', 'id'])
        op.drop_index(op.f(f'ix_{table}_contact_id'), table_name=table)
    op.execute(_BEFORE)


def downgrade() -> None:
    for table in ('pulse_message', 'pulse_inbound'):
        op.create_index(op.f(f'ix_{table}_contact_id'), table, ['contact_id'])
        op.drop_index(op.f(f'ix_{table}_contact_id_id'), table_name=table)
    op.drop_table('pulse_canned_answer')
    op.drop_table('pulse_thread')
