"""Make the table of opens and clicks.

Revision: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "email_event",
        sa.Column("id", sa.BigInteger(), server_default=sa.text("pulse_id()"), nullable=False),
        sa.Column("organisation_id", sa.BigInteger(), nullable=False),
        sa.Column("campaign_id", sa.BigInteger(), nullable=False),
        sa.Column("message_id", sa.BigInteger(), nullable=False),
        sa.Column("contact_id", sa.BigInteger(), nullable=True),
        sa.Column("times", sa.Integer(), server_default="1", nullable=False),
        sa.Column("link", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("kind", sa.String(length=5), nullable=False),
        sa.Column("is_bot", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_email_event")),
        sa.UniqueConstraint(
            "message_id", "kind", "link", "is_bot", name=op.f("uq_email_event_message_id_kind_link_is_bot")
        ),
    )
    op.create_index(
        op.f("ix_email_event_organisation_id_campaign_id"), "email_event", ["organisation_id", "campaign_id"]
    )
    op.create_index(op.f("ix_email_event_contact_id"), "email_event", ["contact_id"])


def downgrade() -> None:
    """Drop it."""
    op.drop_table("email_event")
