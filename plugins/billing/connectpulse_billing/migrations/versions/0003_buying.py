"""Make the tables of buying.

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
    """Make the tables."""
    op.create_table(
        "billing_gateway",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("settings", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("secrets", sa.LargeBinary(), nullable=True),
        sa.Column("is_open", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("place", sa.Integer(), server_default="100", nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("is_working", sa.Boolean(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_billing_gateway")),
        sa.UniqueConstraint("name", name=op.f("uq_billing_gateway_name")),
    )
    op.create_table(
        "billing_package",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("units", sa.Numeric(precision=18, scale=4), nullable=False),
        sa.Column("price", sa.Numeric(precision=18, scale=2), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("place", sa.Integer(), server_default="100", nullable=False),
        sa.Column("is_offered", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.Column("expires_days", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_billing_package")),
    )
    op.create_index(
        op.f("ix_billing_package_is_offered_currency_place"),
        "billing_package",
        ["is_offered", "currency", "place"],
        unique=False,
    )
    op.create_table(
        "billing_payment_event",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("gateway", sa.String(length=40), nullable=False),
        sa.Column("event_id", sa.String(length=200), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("reference", sa.String(length=100), nullable=False),
        sa.Column("payment_reference", sa.String(length=200), server_default="", nullable=False),
        sa.Column("item", sa.String(length=200), server_default="", nullable=False),
        sa.Column("amount", sa.Numeric(precision=18, scale=2), nullable=True),
        sa.Column("currency", sa.String(length=3), server_default="", nullable=False),
        sa.Column("state", sa.String(length=10), server_default="waiting", nullable=False),
        sa.Column("answer", sa.String(length=300), server_default="", nullable=False),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_billing_payment_event")),
        sa.UniqueConstraint("gateway", "event_id", name=op.f("uq_billing_payment_event_gateway_event_id")),
    )
    op.create_index(
        op.f("ix_billing_payment_event_gateway_payment_reference"),
        "billing_payment_event",
        ["gateway", "payment_reference"],
        unique=False,
    )
    op.create_index(
        op.f("ix_billing_payment_event_gateway_reference"),
        "billing_payment_event",
        ["gateway", "reference"],
        unique=False,
    )
    op.create_index(
        "ix_billing_payment_event_waiting",
        "billing_payment_event",
        ["due_at"],
        unique=False,
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.create_table(
        "billing_tax",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("legal_entity_id", sa.BigInteger(), nullable=True),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("percent", sa.Numeric(precision=7, scale=4), nullable=False),
        sa.Column("currency", sa.String(length=3), server_default="", nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_billing_tax")),
    )
    op.create_index(
        op.f("ix_billing_tax_legal_entity_id_valid_from"),
        "billing_tax",
        ["legal_entity_id", "valid_from"],
        unique=False,
    )
    op.create_table(
        "billing_voucher",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.Column("hint", sa.String(length=4), nullable=False),
        sa.Column("units", sa.Numeric(precision=18, scale=4), nullable=False),
        sa.Column("most_uses", sa.Integer(), nullable=False),
        sa.Column("uses", sa.Integer(), server_default="0", nullable=False),
        sa.Column("is_open", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("units_expire_days", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_billing_voucher")),
        sa.UniqueConstraint("code_hash", name=op.f("uq_billing_voucher_code_hash")),
    )
    op.create_table(
        "billing_order",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("purpose", sa.String(length=30), nullable=False),
        sa.Column("reference", sa.String(length=100), nullable=False),
        sa.Column("legal_entity_id", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.String(length=15), server_default="placed", nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("net", sa.Numeric(precision=18, scale=2), nullable=False),
        sa.Column("tax", sa.Numeric(precision=18, scale=2), nullable=False),
        sa.Column("total", sa.Numeric(precision=18, scale=2), nullable=False),
        sa.Column("reversed", sa.Numeric(precision=18, scale=2), server_default="0", nullable=False),
        sa.Column("gateway", sa.String(length=40), server_default="", nullable=False),
        sa.Column("payment_reference", sa.String(length=200), server_default="", nullable=False),
        sa.Column("placed_by", sa.BigInteger(), nullable=True),
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("organisation_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["pulse_organisation.id"],
            name=op.f("fk_billing_order_organisation_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_billing_order")),
        sa.UniqueConstraint(
            "organisation_id", "purpose", "reference", name=op.f("uq_billing_order_organisation_id_purpose_reference")
        ),
    )
    op.create_index(
        "ix_billing_order_open",
        "billing_order",
        ["expires_at"],
        unique=False,
        postgresql_where=sa.text("state IN ('placed', 'awaiting')"),
    )
    op.create_index(
        op.f("ix_billing_order_organisation_id_id"), "billing_order", ["organisation_id", "id"], unique=False
    )
    op.create_table(
        "billing_redemption",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("voucher_id", sa.BigInteger(), nullable=False),
        sa.Column("units", sa.Numeric(precision=18, scale=4), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("organisation_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["pulse_organisation.id"],
            name=op.f("fk_billing_redemption_organisation_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["voucher_id"], ["billing_voucher.id"], name=op.f("fk_billing_redemption_voucher_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_billing_redemption")),
        sa.UniqueConstraint(
            "voucher_id", "organisation_id", name=op.f("uq_billing_redemption_voucher_id_organisation_id")
        ),
    )
    op.create_index(
        op.f("ix_billing_redemption_organisation_id_id"), "billing_redemption", ["organisation_id", "id"], unique=False
    )
    op.create_table(
        "billing_attempt",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("gateway", sa.String(length=40), nullable=False),
        sa.Column("reference", sa.String(length=100), nullable=False),
        sa.Column("foreign_reference", sa.String(length=200), server_default="", nullable=False),
        sa.Column("payment_reference", sa.String(length=200), server_default="", nullable=False),
        sa.Column("state", sa.String(length=10), server_default="open", nullable=False),
        sa.Column("amount", sa.Numeric(precision=18, scale=2), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("step", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("answer", sa.String(length=300), server_default="", nullable=False),
        sa.Column("inquiries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("inquire_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("organisation_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["order_id"], ["billing_order.id"], name=op.f("fk_billing_attempt_order_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["pulse_organisation.id"],
            name=op.f("fk_billing_attempt_organisation_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_billing_attempt")),
        sa.UniqueConstraint("gateway", "reference", name=op.f("uq_billing_attempt_gateway_reference")),
    )
    op.create_index(
        "ix_billing_attempt_due",
        "billing_attempt",
        ["inquire_at"],
        unique=False,
        postgresql_where=sa.text("inquire_at IS NOT NULL"),
    )
    op.create_index(
        op.f("ix_billing_attempt_gateway_payment_reference"),
        "billing_attempt",
        ["gateway", "payment_reference"],
        unique=False,
    )
    op.create_index(op.f("ix_billing_attempt_order_id"), "billing_attempt", ["order_id"], unique=False)
    op.create_table(
        "billing_order_line",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("units", sa.Numeric(precision=18, scale=4), nullable=False),
        sa.Column("price", sa.Numeric(precision=18, scale=2), nullable=False),
        sa.Column("net", sa.Numeric(precision=18, scale=2), nullable=False),
        sa.Column("tax", sa.Numeric(precision=18, scale=2), nullable=False),
        sa.Column("expires_days", sa.Integer(), nullable=True),
        sa.Column("subject", sa.String(length=100), server_default="", nullable=False),
        sa.Column("organisation_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["order_id"], ["billing_order.id"], name=op.f("fk_billing_order_line_order_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["pulse_organisation.id"],
            name=op.f("fk_billing_order_line_organisation_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_billing_order_line")),
    )
    op.create_index(op.f("ix_billing_order_line_order_id"), "billing_order_line", ["order_id"], unique=False)
    op.create_table(
        "billing_proof",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("media_type", sa.String(length=40), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=True),
        sa.Column("state", sa.String(length=10), server_default="waiting", nullable=False),
        sa.Column("bank_reference", sa.String(length=100), server_default="", nullable=False),
        sa.Column("answer", sa.String(length=300), server_default="", nullable=False),
        sa.Column("uploaded_by", sa.BigInteger(), nullable=True),
        sa.Column("decided_by", sa.BigInteger(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("organisation_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["order_id"], ["billing_order.id"], name=op.f("fk_billing_proof_order_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["pulse_organisation.id"],
            name=op.f("fk_billing_proof_organisation_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_billing_proof")),
    )
    op.create_index(op.f("ix_billing_proof_order_id"), "billing_proof", ["order_id"], unique=False)
    op.create_index(op.f("ix_billing_proof_uploaded_by"), "billing_proof", ["uploaded_by"], unique=False)
    op.create_index(op.f("ix_billing_proof_decided_by"), "billing_proof", ["decided_by"], unique=False)
    op.create_index(op.f("ix_billing_proof_state_id"), "billing_proof", ["state", "id"], unique=False)
    op.create_index(
        "uq_billing_proof_bank_reference",
        "billing_proof",
        ["bank_reference"],
        unique=True,
        postgresql_where=sa.text("bank_reference <> ''"),
    )
    op.create_table(
        "billing_reversal",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.String(length=20), nullable=False),
        sa.Column("reference", sa.String(length=200), nullable=False),
        sa.Column("amount", sa.Numeric(precision=18, scale=2), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("units", sa.Numeric(precision=18, scale=4), server_default="0", nullable=False),
        sa.Column("owed", sa.Numeric(precision=18, scale=4), server_default="0", nullable=False),
        sa.Column("state", sa.String(length=10), server_default="done", nullable=False),
        sa.Column("reason", sa.String(length=500), server_default="", nullable=False),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("organisation_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["order_id"], ["billing_order.id"], name=op.f("fk_billing_reversal_order_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["pulse_organisation.id"],
            name=op.f("fk_billing_reversal_organisation_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_billing_reversal")),
        sa.UniqueConstraint(
            "order_id", "source", "reference", name=op.f("uq_billing_reversal_order_id_source_reference")
        ),
    )
    op.create_table(
        "billing_order_tax",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("line_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("percent", sa.Numeric(precision=18, scale=4), nullable=False),
        sa.Column("amount", sa.Numeric(precision=18, scale=2), nullable=False),
        sa.Column("organisation_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["order_id"],
            ["billing_order.id"],
            name=op.f("fk_billing_order_tax_order_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["line_id"], ["billing_order_line.id"], name=op.f("fk_billing_order_tax_line_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["pulse_organisation.id"],
            name=op.f("fk_billing_order_tax_organisation_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_billing_order_tax")),
    )
    op.create_index(op.f("ix_billing_order_tax_order_id"), "billing_order_tax", ["order_id"], unique=False)
    op.create_index(op.f("ix_billing_order_tax_line_id"), "billing_order_tax", ["line_id"], unique=False)


def downgrade() -> None:
    """Drop the tables."""
    op.drop_index(op.f("ix_billing_order_tax_order_id"), table_name="billing_order_tax")
    op.drop_index(op.f("ix_billing_order_tax_line_id"), table_name="billing_order_tax")
    op.drop_table("billing_order_tax")
    op.drop_table("billing_reversal")
    op.drop_index(
        "uq_billing_proof_bank_reference", table_name="billing_proof", postgresql_where=sa.text("bank_reference <> ''")
    )
    op.drop_index(op.f("ix_billing_proof_state_id"), table_name="billing_proof")
    op.drop_index(op.f("ix_billing_proof_order_id"), table_name="billing_proof")
    op.drop_table("billing_proof")
    op.drop_index(op.f("ix_billing_order_line_order_id"), table_name="billing_order_line")
    op.drop_table("billing_order_line")
    op.drop_index(op.f("ix_billing_attempt_order_id"), table_name="billing_attempt")
    op.drop_index(op.f("ix_billing_attempt_gateway_payment_reference"), table_name="billing_attempt")
    op.drop_index(
        "ix_billing_attempt_due", table_name="billing_attempt", postgresql_where=sa.text("inquire_at IS NOT NULL")
    )
    op.drop_table("billing_attempt")
    op.drop_index(op.f("ix_billing_redemption_organisation_id_id"), table_name="billing_redemption")
    op.drop_table("billing_redemption")
    op.drop_index(op.f("ix_billing_order_organisation_id_id"), table_name="billing_order")
    op.drop_index(
        "ix_billing_order_open", table_name="billing_order", postgresql_where=sa.text("state IN ('placed', 'awaiting')")
    )
    op.drop_table("billing_order")
    op.drop_table("billing_voucher")
    op.drop_index(op.f("ix_billing_tax_legal_entity_id_valid_from"), table_name="billing_tax")
    op.drop_table("billing_tax")
    op.drop_index(
        "ix_billing_payment_event_waiting",
        table_name="billing_payment_event",
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.drop_index(op.f("ix_billing_payment_event_gateway_reference"), table_name="billing_payment_event")
    op.drop_index(op.f("ix_billing_payment_event_gateway_payment_reference"), table_name="billing_payment_event")
    op.drop_table("billing_payment_event")
    op.drop_index(op.f("ix_billing_package_is_offered_currency_place"), table_name="billing_package")
    op.drop_table("billing_package")
    op.drop_table("billing_gateway")
