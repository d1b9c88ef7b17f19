"""Make the tables of ledger, and keep its entries from being changed.

Revision: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_AMOUNTS = "available, reserved, spent, expired, issued, borne"
_SUMS = ", ".join(f"sum({name})" for name in _AMOUNTS.split(", "))
_ADDED = ", ".join(f"{name} = o.{name} + excluded.{name}" for name in _AMOUNTS.split(", "))

GUARD = (
    """
    CREATE FUNCTION billing_entry_guard() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        -- Retention removes what the statute no longer asks for; nobody removes or changes anything younger.
        IF TG_OP = 'DELETE' THEN
            IF OLD.created_at < now() - interval '2192 days' THEN
                RETURN OLD;
            END IF;
        END IF;
        RAISE EXCEPTION 'The ledger is only ever added to.' USING ERRCODE = 'insufficient_privilege';
    END $$
    """,
    "CREATE TRIGGER billing_entry_guard BEFORE UPDATE OR DELETE ON billing_entry "
    "FOR EACH ROW EXECUTE FUNCTION billing_entry_guard()",
    "CREATE TRIGGER billing_entry_keep BEFORE TRUNCATE ON billing_entry EXECUTE FUNCTION billing_entry_guard()",
    f"""
    CREATE FUNCTION billing_entry_carry() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        -- What goes is carried into the opening, so that the totals still are the sum of what is there.
        INSERT INTO billing_opening AS o (organisation_id, {_AMOUNTS})
        SELECT organisation_id, {_SUMS} FROM removed GROUP BY organisation_id ORDER BY organisation_id
        ON CONFLICT (organisation_id) DO UPDATE SET {_ADDED};
        RETURN NULL;
    END $$
    """,
    "CREATE TRIGGER billing_entry_carry AFTER DELETE ON billing_entry REFERENCING OLD TABLE AS removed "
    "FOR EACH STATEMENT EXECUTE FUNCTION billing_entry_carry()",
)


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "billing_account",
        sa.Column("organisation_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("available", sa.Numeric(precision=18, scale=4), server_default="0", nullable=False),
        sa.Column("reserved", sa.Numeric(precision=18, scale=4), server_default="0", nullable=False),
        sa.Column("spent", sa.Numeric(precision=18, scale=4), server_default="0", nullable=False),
        sa.Column("expired", sa.Numeric(precision=18, scale=4), server_default="0", nullable=False),
        sa.Column("issued", sa.Numeric(precision=18, scale=4), server_default="0", nullable=False),
        sa.Column("borne", sa.Numeric(precision=18, scale=4), server_default="0", nullable=False),
        sa.CheckConstraint(
            "available + reserved + spent + expired + issued + borne = 0", name=op.f("ck_billing_account_sums_to_zero")
        ),
        sa.CheckConstraint("available >= 0", name=op.f("ck_billing_account_not_negative")),
        sa.PrimaryKeyConstraint("organisation_id", name=op.f("pk_billing_account")),
        postgresql_with={"fillfactor": 50},
    )
    op.create_table(
        "billing_delta",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("available", sa.Numeric(precision=18, scale=4), server_default="0", nullable=False),
        sa.Column("reserved", sa.Numeric(precision=18, scale=4), server_default="0", nullable=False),
        sa.Column("spent", sa.Numeric(precision=18, scale=4), server_default="0", nullable=False),
        sa.Column("expired", sa.Numeric(precision=18, scale=4), server_default="0", nullable=False),
        sa.Column("issued", sa.Numeric(precision=18, scale=4), server_default="0", nullable=False),
        sa.Column("borne", sa.Numeric(precision=18, scale=4), server_default="0", nullable=False),
        sa.Column("organisation_id", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("available >= 0", name=op.f("ck_billing_delta_gives_back")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_billing_delta")),
    )
    op.create_index(op.f("ix_billing_delta_organisation_id"), "billing_delta", ["organisation_id"], unique=False)
    op.create_table(
        "billing_difference",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("campaign_id", sa.BigInteger(), nullable=True),
        sa.Column("expected", sa.Numeric(precision=18, scale=4), nullable=False),
        sa.Column("found", sa.Numeric(precision=18, scale=4), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("organisation_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_billing_difference")),
    )
    op.create_index(
        op.f("ix_billing_difference_organisation_id_id"), "billing_difference", ["organisation_id", "id"], unique=False
    )
    op.create_table(
        "billing_entry",
        sa.Column("id", sa.BigInteger(), server_default=sa.text("pulse_id()"), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("campaign_id", sa.BigInteger(), nullable=True),
        sa.Column("channel", sa.String(length=20), server_default="", nullable=False),
        sa.Column("before", sa.SmallInteger(), nullable=True),
        sa.Column("after", sa.SmallInteger(), nullable=True),
        sa.Column("messages", sa.Integer(), server_default="0", nullable=False),
        sa.Column("quantity", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("source", sa.String(length=20), server_default="", nullable=False),
        sa.Column("reference", sa.String(length=80), server_default="", nullable=False),
        sa.Column("reason", sa.String(length=300), server_default="", nullable=False),
        sa.Column("owed", sa.Numeric(precision=18, scale=4), server_default="0", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("available", sa.Numeric(precision=18, scale=4), server_default="0", nullable=False),
        sa.Column("reserved", sa.Numeric(precision=18, scale=4), server_default="0", nullable=False),
        sa.Column("spent", sa.Numeric(precision=18, scale=4), server_default="0", nullable=False),
        sa.Column("expired", sa.Numeric(precision=18, scale=4), server_default="0", nullable=False),
        sa.Column("issued", sa.Numeric(precision=18, scale=4), server_default="0", nullable=False),
        sa.Column("borne", sa.Numeric(precision=18, scale=4), server_default="0", nullable=False),
        sa.Column("organisation_id", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "available + reserved + spent + expired + issued + borne = 0", name=op.f("ck_billing_entry_sums_to_zero")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_billing_entry")),
    )
    op.create_index(
        op.f("ix_billing_entry_campaign_id"),
        "billing_entry",
        ["campaign_id"],
        unique=False,
        postgresql_where=sa.text("campaign_id IS NOT NULL"),
    )
    op.create_index(
        op.f("ix_billing_entry_organisation_id_id"), "billing_entry", ["organisation_id", "id"], unique=False
    )
    op.create_index(
        "uq_billing_entry_cause",
        "billing_entry",
        ["organisation_id", "kind", "source", "reference"],
        unique=True,
        postgresql_where=sa.text("source <> ''"),
    )
    op.create_table(
        "billing_lot",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("source", sa.String(length=20), nullable=False),
        sa.Column("reference", sa.String(length=80), nullable=False),
        sa.Column("units", sa.Numeric(precision=18, scale=4), nullable=False),
        sa.Column("remaining", sa.Numeric(precision=18, scale=4), nullable=False),
        sa.Column("gone", sa.Numeric(precision=18, scale=4), server_default="0", nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("organisation_id", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "remaining >= 0 AND gone >= 0 AND remaining + gone <= units", name=op.f("ck_billing_lot_within")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_billing_lot")),
    )
    op.create_index(
        "ix_billing_lot_expiring",
        "billing_lot",
        ["expires_at"],
        unique=False,
        postgresql_where=sa.text("remaining > 0"),
    )
    op.create_index(op.f("ix_billing_lot_organisation_id_id"), "billing_lot", ["organisation_id", "id"], unique=False)
    op.create_index("uq_billing_lot_cause", "billing_lot", ["organisation_id", "source", "reference"], unique=True)
    op.create_table(
        "billing_opening",
        sa.Column("organisation_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("available", sa.Numeric(precision=18, scale=4), server_default="0", nullable=False),
        sa.Column("reserved", sa.Numeric(precision=18, scale=4), server_default="0", nullable=False),
        sa.Column("spent", sa.Numeric(precision=18, scale=4), server_default="0", nullable=False),
        sa.Column("expired", sa.Numeric(precision=18, scale=4), server_default="0", nullable=False),
        sa.Column("issued", sa.Numeric(precision=18, scale=4), server_default="0", nullable=False),
        sa.Column("borne", sa.Numeric(precision=18, scale=4), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("organisation_id", name=op.f("pk_billing_opening")),
    )
    op.create_table(
        "billing_policy",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("undeliverable", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("expired", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("unknown", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("organisation_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_billing_policy")),
    )
    op.create_index(
        op.f("ix_billing_policy_organisation_id_id"), "billing_policy", ["organisation_id", "id"], unique=False
    )
    op.create_table(
        "billing_terms",
        sa.Column("campaign_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("policy_id", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("undeliverable", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("expired", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("unknown", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("organisation_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("campaign_id", name=op.f("pk_billing_terms")),
    )
    for statement in GUARD:
        op.execute(statement)


def downgrade() -> None:
    """Drop the tables."""
    op.drop_table("billing_terms")
    op.drop_index(op.f("ix_billing_policy_organisation_id_id"), table_name="billing_policy")
    op.drop_table("billing_policy")
    op.drop_table("billing_opening")
    op.drop_index("uq_billing_lot_cause", table_name="billing_lot")
    op.drop_index(op.f("ix_billing_lot_organisation_id_id"), table_name="billing_lot")
    op.drop_index("ix_billing_lot_expiring", table_name="billing_lot", postgresql_where=sa.text("remaining > 0"))
    op.drop_table("billing_lot")
    op.drop_index("uq_billing_entry_cause", table_name="billing_entry", postgresql_where=sa.text("source <> ''"))
    op.drop_index(op.f("ix_billing_entry_organisation_id_id"), table_name="billing_entry")
    op.drop_index(
        op.f("ix_billing_entry_campaign_id"),
        table_name="billing_entry",
        postgresql_where=sa.text("campaign_id IS NOT NULL"),
    )
    op.drop_table("billing_entry")
    op.drop_index(op.f("ix_billing_difference_organisation_id_id"), table_name="billing_difference")
    op.drop_table("billing_difference")
    op.drop_index(op.f("ix_billing_delta_organisation_id"), table_name="billing_delta")
    op.drop_table("billing_delta")
    op.drop_table("billing_account")
    op.execute("DROP FUNCTION billing_entry_guard")
    op.execute("DROP FUNCTION billing_entry_carry")
