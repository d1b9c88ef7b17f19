"""The action log as chains of sealed entries.

Revision: 0005, after 0004
"""

import hmac
import secrets
from hashlib import sha256
from typing import Any

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from connectpulse.core.storage.trust import trust

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('pulse_audit_check',
    sa.Column('organisation_id', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('state', sa.String(length=10), server_default='running', nullable=False),
    sa.Column('started_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('finished_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('at_id', sa.BigInteger(), server_default='0', nullable=False),
    sa.Column('seal', sa.LargeBinary(), nullable=False),
    sa.Column('entries', sa.BigInteger(), server_default='0', nullable=False),
    sa.Column('erased', sa.BigInteger(), server_default='0', nullable=False),
    sa.Column('told', sa.BigInteger(), server_default='0', nullable=False),
    sa.Column('total', sa.BigInteger(), server_default='0', nullable=False),
    sa.Column('fault_id', sa.BigInteger(), nullable=True),
    sa.Column('fault', sa.String(length=500), server_default='', nullable=False),
    sa.PrimaryKeyConstraint('organisation_id', name=op.f('pk_pulse_audit_check'))
    )
    op.create_table('pulse_audit_head',
    sa.Column('organisation_id', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('start_id', sa.BigInteger(), server_default='0', nullable=False),
    sa.Column('start_entries', sa.BigInteger(), server_default='0', nullable=False),
    sa.Column('start_seal', sa.LargeBinary(), server_default=sa.text("decode(repeat('00', 32), 'hex')"), nullable=False),
    sa.Column('last_id', sa.BigInteger(), server_default='0', nullable=False),
    sa.Column('entries', sa.BigInteger(), server_default='0', nullable=False),
    sa.Column('seal', sa.LargeBinary(), server_default=sa.text("decode(repeat('00', 32), 'hex')"), nullable=False),
    sa.Column('mac', sa.LargeBinary(), nullable=False),
    sa.PrimaryKeyConstraint('organisation_id', name=op.f('pk_pulse_audit_head'))
    )
    op.create_table('pulse_audit_search',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('user_id', sa.Integer(), nullable=False),
    sa.Column('name', sa.String(length=80), nullable=False),
    sa.Column('query', postgresql.JSONB(astext_type=sa.Text()), server_default='{}', nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.ForeignKeyConstraint(['user_id'], ['ab_user.id'], name=op.f('fk_pulse_audit_search_user_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_pulse_audit_search'))
    )
    op.create_index(op.f('ix_pulse_audit_search_user_id_name'), 'pulse_audit_search', ['user_id', 'name'], unique=True)
    op.add_column('pulse_audit', sa.Column('request_id', sa.String(length=32), server_default='', nullable=False))
    for name in ('seal', 'actor_digest', 'object_digest', 'actor_salt', 'object_salt'):
        op.add_column('pulse_audit', sa.Column(name, sa.LargeBinary(), nullable=True))
    for change in ("DROP DEFAULT", "TYPE json USING detail::json", "SET DEFAULT '{}'"):
        op.execute(f"ALTER TABLE pulse_audit ALTER COLUMN detail {change}")
    op.execute("ALTER TABLE pulse_audit_head SET (fillfactor = 50)")
    seal_what_is_there(op.get_bind())
    for name in ('seal', 'actor_digest', 'object_digest'):
        op.alter_column('pulse_audit', name, existing_type=sa.LargeBinary(), nullable=False)
    op.create_index(op.f('ix_pulse_audit_organisation_id_actor_id_id'), 'pulse_audit', ['organisation_id', 'actor_id', 'id'], unique=False)
    op.create_index(op.f('ix_pulse_audit_organisation_id_verb_id'), 'pulse_audit', ['organisation_id', 'verb', 'id'], unique=False)
    for statement in GUARD:
        op.execute(statement)
    partitions = op.get_bind().scalars(sa.text("SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = 'pulse_audit'::regclass"))
    for table in ("pulse_audit", *partitions):
        op.execute(f"CREATE TRIGGER pulse_audit_keep BEFORE TRUNCATE ON {table} EXECUTE FUNCTION pulse_audit_guard()")


GUARD = (
    """
    CREATE FUNCTION pulse_audit_guard() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'UPDATE' THEN
            -- A person may be forgotten: what names them is emptied together with its salt, and nothing else changes.
            IF (NEW.id, NEW.organisation_id, NEW.verb, NEW.actor_kind, NEW.actor_id, NEW.object_type, NEW.object_id,
                NEW.request_id, NEW.seal, NEW.actor_digest, NEW.object_digest)
               IS NOT DISTINCT FROM
               (OLD.id, OLD.organisation_id, OLD.verb, OLD.actor_kind, OLD.actor_id, OLD.object_type, OLD.object_id,
                OLD.request_id, OLD.seal, OLD.actor_digest, OLD.object_digest)
               AND ((NEW.actor_salt, NEW.actor_name, NEW.actor_address)
                    IS NOT DISTINCT FROM (OLD.actor_salt, OLD.actor_name, OLD.actor_address)
                    OR (NEW.actor_salt IS NULL AND NEW.actor_name = '' AND NEW.actor_address = ''))
               AND ((NEW.object_salt, NEW.object_name, NEW.detail::text)
                    IS NOT DISTINCT FROM (OLD.object_salt, OLD.object_name, OLD.detail::text)
                    OR (NEW.object_salt IS NULL AND NEW.object_name = '' AND NEW.detail::text = '{}'))
            THEN
                RETURN NEW;
            END IF;
        ELSIF TG_OP = 'DELETE' THEN
            -- Entries whose time is over, which the beginning of their chain was moved past.
            IF EXISTS (SELECT FROM pulse_audit_head h
                       WHERE h.organisation_id = coalesce(OLD.organisation_id, 0) AND h.start_id >= OLD.id) THEN
                RETURN OLD;
            END IF;
        END IF;
        RAISE EXCEPTION 'The action log is only ever added to.' USING ERRCODE = 'insufficient_privilege';
    END $$
    """,
    """
    CREATE TRIGGER pulse_audit_guard BEFORE UPDATE OR DELETE ON pulse_audit
    FOR EACH ROW EXECUTE FUNCTION pulse_audit_guard()
    """,
    """
    CREATE FUNCTION pulse_audit_head_guard() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'UPDATE' THEN
            IF NEW.organisation_id = OLD.organisation_id AND NEW.entries >= OLD.entries AND NEW.last_id >= OLD.last_id
               AND NEW.start_id >= OLD.start_id AND NEW.start_entries >= OLD.start_entries THEN
                RETURN NEW;
            END IF;
        END IF;
        RAISE EXCEPTION 'A chain of the action log only ever grows.' USING ERRCODE = 'insufficient_privilege';
    END $$
    """,
    """
    CREATE TRIGGER pulse_audit_head_guard BEFORE UPDATE OR DELETE ON pulse_audit_head
    FOR EACH ROW EXECUTE FUNCTION pulse_audit_head_guard()
    """,
    """
    CREATE TRIGGER pulse_audit_head_keep BEFORE TRUNCATE ON pulse_audit_head
    EXECUTE FUNCTION pulse_audit_head_guard()
    """,
)
AT_A_TIME = 5_000
ENTRIES = """
SELECT id, organisation_id, verb, actor_kind, actor_id, object_type, object_id, request_id, actor_name, actor_address,
    object_name, detail::text
FROM pulse_audit WHERE id > :after AND coalesce(organisation_id, 0) = :chain ORDER BY id LIMIT :most
"""
SEALED = """
UPDATE pulse_audit SET actor_digest = :actor_digest, object_digest = :object_digest, seal = :seal,
    actor_salt = :actor_salt, object_salt = :object_salt
WHERE id = :id
"""
ESCAPES = str.maketrans(
    {"\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v", "\0": "\ufffd"}
)
ORIGIN = bytes(32)


# The seals of the day this was written, whatever later code does: only the key is the site's.


def seal_what_is_there(connection: sa.Connection) -> None:
    """Chain the entries of before there were chains, in the order they were written."""
    chains = list(connection.scalars(sa.text("SELECT DISTINCT coalesce(organisation_id, 0) FROM pulse_audit")))
    for number in chains:
        last_id, entries, seal = 0, 0, ORIGIN
        while True:
            asked = {"after": last_id, "chain": number, "most": AT_A_TIME}
            found = connection.execute(sa.text(ENTRIES), asked).all()
            if not found:
                break
            rows = []
            for id, *entry in found:
                rows.append(sealed(seal, id, entry))
                seal = rows[-1]["seal"]
            connection.execute(sa.text(SEALED), rows)
            last_id, entries = found[-1][0], entries + len(found)
        ends = "\t".join(map(str, (number, 0, 0, ORIGIN.hex(), last_id, entries, seal.hex()))).encode()
        connection.execute(sa.text(
            "INSERT INTO pulse_audit_head (organisation_id, last_id, entries, seal, mac) "
            "VALUES (:organisation, :last_id, :entries, :seal, :mac)"
        ), {"organisation": number, "last_id": last_id, "entries": entries, "seal": seal,
            "mac": hmac.digest(trust.key("audit head"), ends, "sha256")})


def sealed(before: bytes, id: int, entry: list[Any]) -> dict[str, Any]:
    """Return what is added to one entry: digests of what may be forgotten, their salts, and the seal."""
    actor_salt, object_salt = secrets.token_bytes(16), secrets.token_bytes(16)
    *plain, actor_name, actor_address, object_name, detail = entry
    actor = sha256(b"\t".join((binary(actor_salt), written(actor_name), written(actor_address)))).digest()
    what = sha256(b"\t".join((binary(object_salt), written(object_name), written(detail)))).digest()
    fields = b"\t".join((binary(before), *map(written, (id, *plain)), binary(actor), binary(what)))
    return {
        "id": id, "actor_digest": actor, "object_digest": what, "actor_salt": actor_salt, "object_salt": object_salt,
        "seal": hmac.digest(trust.key("audit chain"), fields, "sha256"),
    }


def written(value: object) -> bytes:
    """Return a value as COPY's text format writes it."""
    return b"\\N" if value is None else str(value).translate(ESCAPES).encode("utf-8", "replace")


def binary(value: bytes) -> bytes:
    return b"\\\\x" + value.hex().encode()


def downgrade() -> None:
    op.execute("DROP FUNCTION pulse_audit_head_guard() CASCADE")
    op.execute("DROP FUNCTION pulse_audit_guard() CASCADE")
    op.drop_index(op.f('ix_pulse_audit_organisation_id_verb_id'), table_name='pulse_audit')
    op.drop_index(op.f('ix_pulse_audit_organisation_id_actor_id_id'), table_name='pulse_audit')
    for change in ("DROP DEFAULT", "TYPE jsonb USING detail::jsonb", "SET DEFAULT '{}'"):
        op.execute(f"ALTER TABLE pulse_audit ALTER COLUMN detail {change}")
    op.drop_column('pulse_audit', 'object_salt')
    op.drop_column('pulse_audit', 'actor_salt')
    op.drop_column('pulse_audit', 'object_digest')
    op.drop_column('pulse_audit', 'actor_digest')
    op.drop_column('pulse_audit', 'seal')
    op.drop_column('pulse_audit', 'request_id')
    op.drop_index(op.f('ix_pulse_audit_search_user_id_name'), table_name='pulse_audit_search')
    op.drop_table('pulse_audit_search')
    op.drop_table('pulse_audit_head')
    op.drop_table('pulse_audit_check')
