"""Make the table of domains and their keys.

Revision: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "email_domain",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("organisation_id", sa.BigInteger(), nullable=False),
        sa.Column("domain", sa.String(length=253), nullable=False),
        sa.Column("selector", sa.String(length=63), nullable=False),
        sa.Column("algorithm", sa.String(length=10), nullable=False),
        sa.Column("public_key", sa.String(length=800), nullable=False),
        sa.Column("secrets", sa.LargeBinary(), nullable=True),
        sa.Column("state", sa.String(length=10), server_default="waiting", nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["pulse_organisation.id"],
            name=op.f("fk_email_domain_organisation_id"), ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_email_domain")),
        sa.UniqueConstraint(
            "organisation_id", "domain", "selector", name=op.f("uq_email_domain_organisation_id_domain_selector")
        ),
    )  # fmt: skip
    op.create_index(
        "ix_email_domain_signing", "email_domain", ["organisation_id", "domain"],
        unique=True, postgresql_where=sa.text("state = 'signing'"),
    )  # fmt: skip


def downgrade() -> None:
    """Drop it."""
    op.drop_table("email_domain")
