"""Let campaigns go on over further channels.

Revision: 0025, after 0024
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

UNITS = sa.Numeric(18, 4)


def upgrade() -> None:
    op.create_table(
        "pulse_fallback",
        sa.Column("campaign_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.SmallInteger(), nullable=False),
        sa.Column("channel", sa.String(20), nullable=False),
        sa.Column("template_version_id", sa.BigInteger(), nullable=False),
        sa.Column("sender_id", sa.BigInteger(), nullable=True),
        sa.Column("outcomes", postgresql.JSONB(), nullable=False),
        sa.Column("after_minutes", sa.Integer(), nullable=True),
        sa.Column("price_version", sa.String(120), server_default="", nullable=False),
        sa.Column("organisation_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["pulse_campaign.id"], name="fk_pulse_fallback_campaign_id_pulse_campaign",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["template_version_id"], ["pulse_template_version.id"],
            name="fk_pulse_fallback_template_version_id_pulse_template_version", ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["sender_id"], ["pulse_sender.id"], name="fk_pulse_fallback_sender_id_pulse_sender", ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["pulse_organisation.id"],
            name="fk_pulse_fallback_organisation_id_pulse_organisation", ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("campaign_id", "number", name="pk_pulse_fallback"),
    )  # fmt: skip
    op.create_table(
        "pulse_onward",
        sa.Column("message_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("campaign_id", sa.BigInteger(), nullable=False),
        sa.Column("fallback", sa.SmallInteger(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("state", sa.String(10), server_default="waiting", nullable=False),
        sa.Column("reason", sa.String(60), server_default="", nullable=False),
        sa.Column("next_id", sa.BigInteger(), nullable=True),
        sa.Column("organisation_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("message_id", name="pk_pulse_onward"),
    )
    waiting = sa.text("state = 'waiting'")
    op.create_index("ix_pulse_onward_due", "pulse_onward", ["due_at"], postgresql_where=waiting)
    op.create_index("ix_pulse_onward_waiting", "pulse_onward", ["campaign_id"], postgresql_where=waiting)
    for table in ("pulse_dispatch", "pulse_message"):
        op.add_column(table, sa.Column("fallback", sa.SmallInteger(), server_default="0", nullable=False))
        op.add_column(table, sa.Column("onward", sa.SmallInteger(), server_default="0", nullable=False))
    op.add_column("pulse_dispatch", sa.Column("onward_seconds", sa.Integer(), nullable=True))
    op.add_column("pulse_message", sa.Column("previous_id", sa.BigInteger(), nullable=True))
    op.add_column("pulse_quote", sa.Column("most_units", UNITS, server_default="0", nullable=False))
    op.add_column("pulse_quote", sa.Column("fallbacks", postgresql.JSONB(), server_default="{}", nullable=False))


def downgrade() -> None:
    op.drop_column("pulse_quote", "fallbacks")
    op.drop_column("pulse_quote", "most_units")
    op.drop_column("pulse_message", "previous_id")
    op.drop_column("pulse_dispatch", "onward_seconds")
    for table in ("pulse_message", "pulse_dispatch"):
        op.drop_column(table, "onward")
        op.drop_column(table, "fallback")
    op.drop_table("pulse_onward")
    op.drop_table("pulse_fallback")
