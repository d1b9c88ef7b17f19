"""Make the tables of subscriptions.

Revision: 0004, after 0003
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "billing_plan",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("fee", sa.Numeric(precision=18, scale=2), nullable=False),
        sa.Column("months", sa.Integer(), nullable=False),
        sa.Column("units", sa.Numeric(precision=18, scale=4), server_default="0", nullable=False),
        sa.Column("channels", postgresql.ARRAY(sa.String(length=20)), server_default="{}", nullable=False),
        sa.Column("users", sa.Integer(), nullable=True),
        sa.Column("api_per_minute", sa.Integer(), nullable=True),
        sa.Column("trial_days", sa.Integer(), server_default="0", nullable=False),
        sa.Column("trial_units", sa.Numeric(precision=18, scale=4), server_default="0", nullable=False),
        sa.Column("place", sa.Integer(), server_default="100", nullable=False),
        sa.Column("is_offered", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "months IN (1, 12) AND fee >= 0 AND units >= 0 AND trial_units >= 0", name=op.f("ck_billing_plan_figures")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_billing_plan")),
        sa.UniqueConstraint("name", name=op.f("uq_billing_plan_name")),
    )
    op.create_index(op.f("ix_billing_plan_is_offered_place"), "billing_plan", ["is_offered", "place"], unique=False)
    op.create_table(
        "billing_alert",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("is_on", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("percent", sa.Integer(), server_default="20", nullable=False),
        sa.Column("days", sa.Integer(), server_default="0", nullable=False),
        sa.Column("units", sa.Numeric(precision=18, scale=4), server_default="0", nullable=False),
        sa.Column("is_low", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("organisation_id", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "percent BETWEEN 0 AND 100 AND days BETWEEN 0 AND 90 AND units >= 0", name=op.f("ck_billing_alert_bounds")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["pulse_organisation.id"],
            name=op.f("fk_billing_alert_organisation_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_billing_alert")),
        sa.UniqueConstraint("organisation_id", name=op.f("uq_billing_alert_organisation_id")),
    )
    op.create_table(
        "billing_subscription",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("plan_id", sa.BigInteger(), nullable=False),
        sa.Column("next_plan_id", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("anchor_day", sa.Integer(), nullable=False),
        sa.Column("period_start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("period_end", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cancels_at_end", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("unpaid_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reminders", sa.Integer(), server_default="0", nullable=False),
        sa.Column("suspended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("organisation_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["next_plan_id"],
            ["billing_plan.id"],
            name=op.f("fk_billing_subscription_next_plan_id"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["pulse_organisation.id"],
            name=op.f("fk_billing_subscription_organisation_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["plan_id"], ["billing_plan.id"], name=op.f("fk_billing_subscription_plan_id"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_billing_subscription")),
    )
    op.create_index(
        "ix_billing_subscription_due",
        "billing_subscription",
        ["due_at"],
        unique=False,
        postgresql_where=sa.text("state <> 'ended'"),
    )
    op.create_index(
        op.f("ix_billing_subscription_organisation_id_id"),
        "billing_subscription",
        ["organisation_id", "id"],
        unique=False,
    )
    op.create_index(op.f("ix_billing_subscription_plan_id"), "billing_subscription", ["plan_id"], unique=False)
    op.create_index(
        "uq_billing_subscription_live",
        "billing_subscription",
        ["organisation_id"],
        unique=True,
        postgresql_where=sa.text("state <> 'ended'"),
    )
    op.create_table(
        "billing_charge",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("subscription_id", sa.BigInteger(), nullable=False),
        sa.Column("plan_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("fee", sa.Numeric(precision=18, scale=2), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("units", sa.Numeric(precision=18, scale=4), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=True),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("is_void", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("organisation_id", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("ends_at > starts_at", name=op.f("ck_billing_charge_lasts")),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["pulse_organisation.id"],
            name=op.f("fk_billing_charge_organisation_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["plan_id"], ["billing_plan.id"], name=op.f("fk_billing_charge_plan_id"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["subscription_id"],
            ["billing_subscription.id"],
            name=op.f("fk_billing_charge_subscription_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_billing_charge")),
    )
    op.create_index(
        op.f("ix_billing_charge_subscription_id_id"), "billing_charge", ["subscription_id", "id"], unique=False
    )
    op.create_index(
        "uq_billing_charge_open",
        "billing_charge",
        ["subscription_id", "kind"],
        unique=True,
        postgresql_where=sa.text("begun_at IS NULL AND NOT is_void"),
    )
    op.create_index(
        "uq_billing_charge_order",
        "billing_charge",
        ["order_id"],
        unique=True,
        postgresql_where=sa.text("order_id IS NOT NULL"),
    )


def downgrade() -> None:
    """Drop the tables."""
    op.drop_index(
        "uq_billing_charge_order", table_name="billing_charge", postgresql_where=sa.text("order_id IS NOT NULL")
    )
    op.drop_index(
        "uq_billing_charge_open",
        table_name="billing_charge",
        postgresql_where=sa.text("begun_at IS NULL AND NOT is_void"),
    )
    op.drop_index(op.f("ix_billing_charge_subscription_id_id"), table_name="billing_charge")
    op.drop_table("billing_charge")
    op.drop_index(
        "uq_billing_subscription_live", table_name="billing_subscription", postgresql_where=sa.text("state <> 'ended'")
    )
    op.drop_index(op.f("ix_billing_subscription_plan_id"), table_name="billing_subscription")
    op.drop_index(op.f("ix_billing_subscription_organisation_id_id"), table_name="billing_subscription")
    op.drop_index(
        "ix_billing_subscription_due", table_name="billing_subscription", postgresql_where=sa.text("state <> 'ended'")
    )
    op.drop_table("billing_subscription")
    op.drop_table("billing_alert")
    op.drop_index(op.f("ix_billing_plan_is_offered_place"), table_name="billing_plan")
    op.drop_table("billing_plan")
