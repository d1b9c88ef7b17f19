"""Make the tables of rates.

Revision: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_APART = """
ALTER TABLE billing_rate_version ADD CONSTRAINT ex_billing_rate_version_apart EXCLUDE USING gist (
    int8range(card_id, card_id, '[]') WITH &&, tstzrange(valid_from, valid_to) WITH &&
) WHERE (published_at IS NOT NULL)
"""

_VERSION_STANDS = """
CREATE FUNCTION billing_rate_version_stands() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.published_at IS NULL THEN
        RETURN coalesce(NEW, OLD);
    END IF;
    IF TG_OP = 'DELETE' THEN
        IF OLD.valid_to IS NULL OR OLD.valid_to > now() THEN
            RAISE EXCEPTION 'prices that hold are not deleted';
        END IF;
        RETURN OLD;
    END IF;
    IF OLD.valid_to IS NOT NULL OR NEW.valid_to IS NULL
        OR (NEW.id, NEW.card_id, NEW.number, NEW.valid_from, NEW.published_at)
            IS DISTINCT FROM (OLD.id, OLD.card_id, OLD.number, OLD.valid_from, OLD.published_at) THEN
        RAISE EXCEPTION 'a published version of prices is not changed';
    END IF;
    RETURN NEW;
END $$
"""

_RATE_STANDS = """
CREATE FUNCTION billing_rate_stands() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM {changed} c JOIN billing_rate_version v ON v.id = c.version_id
        WHERE v.published_at IS NOT NULL {unless}
    ) THEN
        RAISE EXCEPTION 'the rates of a published version are not changed';
    END IF;
    RETURN NULL;
END $$
"""


def upgrade() -> None:
    """Make the tables, and the triggers that keep published prices as they are."""
    _cards()
    _versions()
    op.execute(_APART)
    op.execute(_VERSION_STANDS)
    op.execute(
        "CREATE TRIGGER billing_rate_version_stands BEFORE UPDATE OR DELETE ON billing_rate_version "
        "FOR EACH ROW EXECUTE FUNCTION billing_rate_version_stands()"
    )
    both = "(SELECT version_id FROM changed UNION SELECT version_id FROM changed_from)"
    for event, tables, changed, unless in (
        ("insert", "NEW TABLE AS changed", "changed", ""),
        ("update", "NEW TABLE AS changed OLD TABLE AS changed_from", both, ""),
        ("delete", "OLD TABLE AS changed", "changed", "AND (v.valid_to IS NULL OR v.valid_to > now())"),
    ):
        body = _RATE_STANDS.replace("billing_rate_stands()", f"billing_rate_stands_{event}()")
        op.execute(body.format(changed=changed, unless=unless))
        op.execute(
            f"CREATE TRIGGER billing_rate_stands_{event} AFTER {event.upper()} ON billing_rate "
            f"REFERENCING {tables} FOR EACH STATEMENT EXECUTE FUNCTION billing_rate_stands_{event}()"
        )


def _cards() -> None:
    op.create_table(
        "billing_rate_card",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("is_default", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_billing_rate_card")),
        sa.UniqueConstraint("name", name=op.f("uq_billing_rate_card_name")),
    )
    op.create_index(
        "uq_billing_rate_card_default", "billing_rate_card", ["is_default"], unique=True,
        postgresql_where=sa.text("is_default"),
    )  # fmt: skip
    for table, column in (("billing_rate_holding", "organisation_id"), ("billing_plan_rates", "plan_id")):
        op.create_table(
            table,
            sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
            sa.Column(column, sa.BigInteger(), nullable=False),
            sa.Column("card_id", sa.BigInteger(), nullable=False),
            sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
            sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
            sa.UniqueConstraint(column, name=op.f(f"uq_{table}_{column}")),
            sa.ForeignKeyConstraint(
                ["card_id"], ["billing_rate_card.id"], name=op.f(f"fk_{table}_card_id"), ondelete="RESTRICT"
            ),
        )
        op.create_index(op.f(f"ix_{table}_card_id"), table, ["card_id"])
    op.create_foreign_key(
        op.f("fk_billing_rate_holding_organisation_id"), "billing_rate_holding", "pulse_organisation",
        ["organisation_id"], ["id"], ondelete="CASCADE",
    )  # fmt: skip


def _versions() -> None:
    op.create_table(
        "billing_rate_version",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("card_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=True),
        sa.Column("valid_to", sa.DateTime(timezone=True), nullable=True),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "published_at IS NULL OR valid_from IS NOT NULL", name=op.f("ck_billing_rate_version_begins")
        ),
        sa.CheckConstraint("valid_to > valid_from", name=op.f("ck_billing_rate_version_lasts")),
        sa.ForeignKeyConstraint(
            ["card_id"], ["billing_rate_card.id"], name=op.f("fk_billing_rate_version_card_id"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_billing_rate_version")),
        sa.UniqueConstraint("card_id", "number", name=op.f("uq_billing_rate_version_card_id_number")),
    )
    op.create_index(
        "uq_billing_rate_version_draft", "billing_rate_version", ["card_id"], unique=True,
        postgresql_where=sa.text("published_at IS NULL"),
    )  # fmt: skip
    op.create_table(
        "billing_rate",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("version_id", sa.BigInteger(), nullable=False),
        sa.Column("channel", sa.String(length=20), nullable=False),
        sa.Column("prefix", sa.String(length=253, collation="C"), server_default="", nullable=False),
        sa.Column("sender_kind", sa.String(length=40), server_default="", nullable=False),
        sa.Column("category", sa.String(length=40), server_default="", nullable=False),
        sa.Column("per", sa.String(length=20), nullable=False),
        sa.Column("units", sa.Numeric(precision=18, scale=4), nullable=False),
        sa.CheckConstraint("units >= 0", name=op.f("ck_billing_rate_units")),
        sa.ForeignKeyConstraint(
            ["version_id"], ["billing_rate_version.id"], name=op.f("fk_billing_rate_version_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_billing_rate")),
        sa.UniqueConstraint(
            "version_id", "channel", "prefix", "sender_kind", "category",
            name=op.f("uq_billing_rate_version_id_channel_prefix_sender_kind_category"),
        ),
    )  # fmt: skip
    op.create_index(op.f("ix_billing_rate_version_id_prefix"), "billing_rate", ["version_id", "prefix"])


def downgrade() -> None:
    """Drop the tables and their triggers."""
    for table in ("rate", "rate_version", "plan_rates", "rate_holding", "rate_card"):
        op.drop_table(f"billing_{table}")
    for event in ("insert", "update", "delete"):
        op.execute(f"DROP FUNCTION billing_rate_stands_{event}()")
    op.execute("DROP FUNCTION billing_rate_version_stands()")
