"""Keep what each connection's provider says about a template.

Revision: 0027, after 0026
"""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

TABLE = "pulse_template_review"


def upgrade() -> None:
    keys = {
        "version_id": "pulse_template_version",
        "connection_id": "pulse_connection",
        "organisation_id": "pulse_organisation",
    }
    op.create_table(
        TABLE,
        sa.Column("version_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("connection_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("state", sa.String(20), server_default="waiting", nullable=False),
        sa.Column("reference", sa.String(120), server_default="", nullable=False),
        sa.Column("reason", sa.String(300), server_default="", nullable=False),
        sa.Column("category", sa.String(40), server_default="", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("organisation_id", sa.BigInteger(), nullable=False),
        *(
            sa.ForeignKeyConstraint([column], [f"{other}.id"], name=f"fk_{TABLE}_{column}_{other}", ondelete="CASCADE")
            for column, other in keys.items()
        ),
        sa.PrimaryKeyConstraint("version_id", "connection_id", name=f"pk_{TABLE}"),
    )
    named = sa.text("reference <> ''")
    op.create_index(f"ix_{TABLE}_reference", TABLE, ["reference"], postgresql_where=named)
    op.create_index(f"ix_{TABLE}_due", TABLE, ["due_at"])


def downgrade() -> None:
    op.drop_table(TABLE)
