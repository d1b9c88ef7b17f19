"""Make the tables of invoicing.

Revision: 0005, after 0004
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_GUARD = (
    """
    CREATE FUNCTION billing_invoice_guard() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        -- Retention removes what the statute no longer asks for; nobody removes or changes anything younger.
        IF TG_OP = 'DELETE' THEN
            IF OLD.issued_at < now() - interval '2192 days' THEN
                RETURN OLD;
            END IF;
        END IF;
        RAISE EXCEPTION 'An invoice that was written stays as it is.' USING ERRCODE = 'insufficient_privilege';
    END $$
    """,
    "CREATE TRIGGER billing_invoice_guard BEFORE UPDATE OR DELETE ON billing_invoice "
    "FOR EACH ROW EXECUTE FUNCTION billing_invoice_guard()",
    "CREATE TRIGGER billing_invoice_keep BEFORE TRUNCATE ON billing_invoice EXECUTE FUNCTION billing_invoice_guard()",
)
_NOW = sa.text("now()")


def _text(name: str, size: int) -> sa.Column[str]:
    return sa.Column(name, sa.String(size), server_default="", nullable=False)


def _created() -> sa.Column[object]:
    return sa.Column("created_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False)


def _owner(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["organisation_id"], ["pulse_organisation.id"],
        name=f"fk_{table}_organisation_id_pulse_organisation", ondelete="CASCADE",
    )  # fmt: skip


def upgrade() -> None:
    """Make the tables, and the guard of what was written."""
    op.create_table(
        "billing_legal_entity",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("name", sa.String(160), nullable=False),
        _text("seat", 500),
        sa.Column("currency", sa.String(3), nullable=False),
        _text("ntn", 20),
        _text("strn", 20),
        sa.Column("prefix", sa.String(10), nullable=False),
        _text("bank_details", 500),
        _text("footer", 500),
        sa.Column("is_active", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("next_invoice", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("next_correction", sa.BigInteger(), server_default="1", nullable=False),
        _created(),
        sa.PrimaryKeyConstraint("id", name="pk_billing_legal_entity"),
        sa.UniqueConstraint("prefix", name="uq_billing_legal_entity_prefix"),
        info={"owner": "billing"},
    )
    op.create_table(
        "billing_buyer",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("organisation_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(160), nullable=False),
        _text("address", 500),
        _text("ntn", 20),
        _text("strn", 20),
        _text("email", 320),
        _created(),
        sa.PrimaryKeyConstraint("id", name="pk_billing_buyer"),
        sa.UniqueConstraint("organisation_id", name="uq_billing_buyer_organisation_id"),
        _owner("billing_buyer"),
    )
    op.create_table(
        "billing_invoice",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("organisation_id", sa.BigInteger(), nullable=False),
        sa.Column("entity_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.String(30), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=True),
        sa.Column("corrects_id", sa.BigInteger(), nullable=True),
        _text("reason", 300),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("net", sa.Numeric(18, 2), nullable=False),
        sa.Column("tax", sa.Numeric(18, 2), nullable=False),
        sa.Column("total", sa.Numeric(18, 2), nullable=False),
        sa.Column("seller", postgresql.JSONB(), nullable=False),
        sa.Column("buyer", postgresql.JSONB(), nullable=False),
        sa.Column("lines", postgresql.JSONB(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        _created(),
        sa.PrimaryKeyConstraint("id", name="pk_billing_invoice"),
        sa.UniqueConstraint("entity_id", "kind", "sequence", name="uq_billing_invoice_entity_id_kind_sequence"),
        sa.UniqueConstraint("number", name="uq_billing_invoice_number"),
        sa.ForeignKeyConstraint(
            ["entity_id"], ["billing_legal_entity.id"],
            name="fk_billing_invoice_entity_id_billing_legal_entity", ondelete="RESTRICT",
        ),
        _owner("billing_invoice"),
    )  # fmt: skip
    op.create_index("ix_billing_invoice_organisation_id_id", "billing_invoice", ["organisation_id", "id"])
    op.create_index(
        "uq_billing_invoice_order", "billing_invoice", ["order_id"], unique=True,
        postgresql_where=sa.text("kind = 'invoice'"),
    )  # fmt: skip
    op.create_index(
        "ix_billing_invoice_corrects_id", "billing_invoice", ["corrects_id"],
        postgresql_where=sa.text("corrects_id IS NOT NULL"),
    )  # fmt: skip
    for statement in _GUARD:
        op.execute(statement)


def downgrade() -> None:
    """Drop the tables."""
    op.drop_table("billing_invoice")
    op.execute("DROP FUNCTION billing_invoice_guard")
    op.drop_table("billing_buyer")
    op.drop_table("billing_legal_entity")
