"""Keep files for templates.

Revision: 0022, after 0021
"""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('pulse_file',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('name', sa.String(length=200), nullable=False),
    sa.Column('media_type', sa.String(length=100), nullable=False),
    sa.Column('size', sa.BigInteger(), nullable=False),
    sa.Column('digest', sa.LargeBinary(), nullable=False),
    sa.Column('content', sa.LargeBinary(), nullable=False),
    sa.Column('created_by', sa.String(length=200), server_default='', nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('used_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('organisation_id', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['organisation_id'], ['pulse_organisation.id'], name=op.f('fk_pulse_file_organisation_id_pulse_organisation'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_pulse_file')),
    sa.UniqueConstraint('organisation_id', 'digest', name=op.f('uq_pulse_file_organisation_id_digest'))
    )
    # What is kept is packed already, as pictures and sound are: to compress it again costs and saves nothing.
    op.execute('ALTER TABLE pulse_file ALTER COLUMN content SET STORAGE EXTERNAL')
    op.create_index(op.f('ix_pulse_file_organisation_id_id'), 'pulse_file', ['organisation_id', 'id'], unique=False)
    op.create_index(op.f('ix_pulse_file_used_at'), 'pulse_file', ['used_at'], unique=False)
    op.create_table('pulse_file_use',
    sa.Column('version_id', sa.BigInteger(), nullable=False),
    sa.Column('file_id', sa.BigInteger(), nullable=False),
    sa.Column('organisation_id', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['file_id'], ['pulse_file.id'], name=op.f('fk_pulse_file_use_file_id_pulse_file'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['organisation_id'], ['pulse_organisation.id'], name=op.f('fk_pulse_file_use_organisation_id_pulse_organisation'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['version_id'], ['pulse_template_version.id'], name=op.f('fk_pulse_file_use_version_id_pulse_template_version'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('version_id', 'file_id', name=op.f('pk_pulse_file_use'))
    )
    op.create_index(op.f('ix_pulse_file_use_file_id'), 'pulse_file_use', ['file_id'], unique=False)


def downgrade() -> None:
    op.drop_table('pulse_file_use')
    op.drop_table('pulse_file')
