"""Make the tables of sender domains and of choices.

Revision: 0002
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "email_sender_domain",
        *_owned(),
        sa.Column("domain", sa.String(length=253), nullable=False),
        sa.Column("bounce_domain", sa.String(length=253), server_default="", nullable=False),
        sa.Column("is_verified", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("findings", JSONB(), server_default="{}", nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        _owner("email_sender_domain"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_email_sender_domain")),
        sa.UniqueConstraint("organisation_id", "domain", name=op.f("uq_email_sender_domain_organisation_id_domain")),
    )
    op.create_table(
        "email_choices",
        *_owned(),
        sa.Column("tracks_clicks", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("tracks_opens", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("needs_verified", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        _owner("email_choices"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_email_choices")),
        sa.UniqueConstraint("organisation_id", name=op.f("uq_email_choices_organisation_id")),
    )


def _owned() -> tuple[sa.Column[int], ...]:
    return (
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("organisation_id", sa.BigInteger(), nullable=False),
    )


def _owner(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["organisation_id"], ["pulse_organisation.id"], name=op.f(f"fk_{table}_organisation_id"), ondelete="CASCADE"
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_table("email_choices")
    op.drop_table("email_sender_domain")
