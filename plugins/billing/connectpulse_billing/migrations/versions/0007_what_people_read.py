"""Keep what people read about money: odd payments, units that are owed, pseudonyms, languages, mailings.

Revision: 0007, after 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_BEFORE = """
CREATE OR REPLACE FUNCTION billing_invoice_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Retention removes what the statute no longer asks for; nobody removes or changes anything younger.
    IF TG_OP = 'DELETE' THEN
        IF OLD.issued_at < now() - interval '2192 days' THEN
            RETURN OLD;
        END IF;
    END IF;
    {pseudonym}
    RAISE EXCEPTION 'An invoice that was written stays as it is.' USING ERRCODE = 'insufficient_privilege';
END $$
"""
_PSEUDONYM = """
    -- An erasure puts a pseudonym in the place of a person who bought; nothing else of the document moves.
    IF TG_OP = 'UPDATE' THEN
        IF NEW.buyer->>'name' ~ '^Person [0-9A-F]{12}$'
           AND NEW.buyer - 'name' = '{"address": "", "ntn": "", "strn": ""}'::jsonb
           AND to_jsonb(NEW) - 'buyer' = to_jsonb(OLD) - 'buyer' THEN
            RETURN NEW;
        END IF;
    END IF;
"""
_WON = """
    INSERT INTO billing_entry (organisation_id, kind, source, reference, reason, owed)
    SELECT e.organisation_id, 'reverse', 'owed', e.id || '/won', 'A dispute was decided in your favour', -e.owed
    FROM billing_reversal r JOIN billing_order_line l ON l.order_id = r.order_id
    JOIN billing_entry e ON e.organisation_id = r.organisation_id AND e.kind = 'reverse' AND e.source = 'order'
         AND e.reference = l.order_id || '/' || l.id || '/' || r.id
    WHERE r.state = 'won' AND e.owed > 0
    ON CONFLICT DO NOTHING
"""


def upgrade() -> None:
    """Add what is new, and let the guard of invoices know pseudonyms."""
    op.create_index(
        "ix_billing_entry_owing", "billing_entry", ["organisation_id", "id"],
        postgresql_where=sa.text("owed <> 0 OR borne <> 0"),
    )  # fmt: skip
    op.execute(_WON)
    op.add_column("billing_legal_entity", sa.Column("labels", sa.String(5), server_default="en", nullable=False))
    op.execute("UPDATE billing_legal_entity SET labels = 'en+ur' WHERE currency = 'PKR'")
    op.add_column("billing_buyer", sa.Column("is_person", sa.Boolean(), server_default="false", nullable=False))
    op.execute(_BEFORE.replace("{pseudonym}", _PSEUDONYM))
    for name in ("name", "email"):
        op.create_index(f"ix_billing_invoice_buyer_{name}", "billing_invoice", [sa.text(f"(buyer ->> '{name}')")])
    op.add_column("billing_difference", sa.Column("order_id", sa.BigInteger(), nullable=True))
    op.add_column("billing_difference", sa.Column("currency", sa.String(3), server_default="", nullable=False))
    op.add_column("billing_difference", sa.Column("reference", sa.String(200), server_default="", nullable=False))
    op.create_index(
        "uq_billing_difference_payment", "billing_difference", ["order_id", "kind", "reference"], unique=True,
        postgresql_where=sa.text("order_id IS NOT NULL"),
    )  # fmt: skip
    op.create_table(
        "billing_mailing",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("organisation_id", sa.BigInteger(), nullable=False),
        sa.Column("invoice_id", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_billing_mailing"),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["pulse_organisation.id"],
            name="fk_billing_mailing_organisation_id_pulse_organisation", ondelete="CASCADE",
        ),
    )  # fmt: skip
    op.create_index("ix_billing_mailing_invoice_id_created_at", "billing_mailing", ["invoice_id", "created_at"])


def downgrade() -> None:
    """Take it away again; what was paid oddly is not told any more."""
    op.drop_table("billing_mailing")
    op.execute("DELETE FROM billing_difference WHERE order_id IS NOT NULL")
    op.drop_index("uq_billing_difference_payment", "billing_difference")
    for name in ("reference", "currency", "order_id"):
        op.drop_column("billing_difference", name)
    for name in ("email", "name"):
        op.drop_index(f"ix_billing_invoice_buyer_{name}", "billing_invoice")
    op.execute(_BEFORE.replace("{pseudonym}", ""))
    op.drop_column("billing_buyer", "is_person")
    op.drop_column("billing_legal_entity", "labels")
    op.drop_index("ix_billing_entry_owing", "billing_entry")
