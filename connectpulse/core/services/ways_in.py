"""What opens the site, told outside the backups: who was shut out after one stays out when it is brought back.

Each act that takes something away (a key, a password, an account, a role, a passkey) leaves a row in its own
transaction. A worker then writes what its subject may still do into the ledger's store, as `access/<kind>-<id>.json`
in the envelope of `trust.sealed`: numbers and digests, and nobody's name. A restore takes away what is not told
there, and never gives anything.
"""

import hmac
import json
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import text

from ..errors import PulseError, Refused
from ..storage.stores import Store, places
from ..storage.trust import canonical, sealed, trust, unsealed
from .work import SYSTEM, Opener, Work

FOLDER = "access"
LEASE = timedelta(minutes=2)
KINDS: Final = {"User": "user", "ApiKey": "key", "Membership": "member"}
ENDINGS: Final = frozenset({
    "api_key.revoked", "membership.deleted", "membership.updated", "user.updated", "user.role_changed",
    "user.password_changed", "user.passkey_removed", "user.codes_renewed", "user.recovery_code_used",
    "user.factors_reset",
})  # fmt: skip
"""The acts that may take away what opens the site."""


def note(work: Work, verb: str, kind: str, id: object) -> None:
    """Remember, in the transaction of an act, that what its subject may do has to be told. Any other act is let be."""
    if verb in ENDINGS and kind in KINDS and str(id).isdigit():
        work.session.connection().execute(
            text(
                "INSERT INTO pulse_access_change (kind, subject_id) VALUES (:kind, :id) "
                "ON CONFLICT (kind, subject_id) DO UPDATE SET changed_at = clock_timestamp()"
            ),
            {"kind": KINDS[kind], "id": int(str(id))},
        )


def tell_due(open_work: Opener, most: int = 200) -> int:
    """Tell the store what has changed; return how many were told. A duty of every worker, safe to run twice."""
    told = 0
    while told < most:
        with open_work(SYSTEM) as work:
            row = work.session.execute(text(_CLAIM), {"lease": LEASE}).one_or_none()
            state = _STATES[row.kind](work, row.subject_id) if row is not None else {}
        if row is None:
            break
        content = {"kind": "connectpulse way in", "of": row.kind, "id": row.subject_id, **state}
        content["at"] = row.changed_at.isoformat()
        places.ledger.put(f"{FOLDER}/{row.kind}-{row.subject_id}.json", canonical(sealed(content)))
        with open_work(SYSTEM) as work:
            work.session.execute(text(_TOLD), row._asdict())
        told += 1
    return told


_CLAIM = """
UPDATE pulse_access_change SET lease_until = now() + :lease WHERE (kind, subject_id) = (
    SELECT kind, subject_id FROM pulse_access_change WHERE lease_until IS NULL OR lease_until < now()
    ORDER BY changed_at LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING kind, subject_id, changed_at
"""
_TOLD = """
WITH done AS (
    DELETE FROM pulse_access_change WHERE kind = :kind AND subject_id = :subject_id AND changed_at = :changed_at)
UPDATE pulse_access_change SET lease_until = NULL
WHERE kind = :kind AND subject_id = :subject_id AND changed_at <> :changed_at
"""


def _key(work: Work, id: int) -> dict[str, Any]:
    revoked = work.session.scalar(text("SELECT revoked_at IS NOT NULL FROM pulse_api_key WHERE id = :id"), {"id": id})
    return {"is_good": revoked is False}


def _member(work: Work, id: int) -> dict[str, Any]:
    return {"role": work.session.scalar(text("SELECT role FROM pulse_membership WHERE id = :id"), {"id": id})}


def _user(work: Work, id: int) -> dict[str, Any]:
    row = work.session.execute(text(_USER), {"id": id}).one_or_none()
    if row is None:
        return {"is_active": False, "password": "", "roles": [], "passkeys": [], "codes": []}
    return {
        "is_active": bool(row.active), "password": _digest(row.password), "roles": row.roles,
        "passkeys": row.passkeys, "codes": row.codes,
    }  # fmt: skip


_USER = """
SELECT u.active, u.password,
    ARRAY(SELECT r.name FROM ab_user_role ur JOIN ab_role r ON r.id = ur.role_id WHERE ur.user_id = u.id ORDER BY 1)
        AS roles,
    ARRAY(SELECT id FROM pulse_passkey WHERE user_id = u.id ORDER BY 1) AS passkeys,
    ARRAY(SELECT id FROM pulse_recovery_code WHERE user_id = u.id AND used_at IS NULL ORDER BY 1) AS codes
FROM ab_user u WHERE u.id = :id
"""
_STATES: Final = {"key": _key, "member": _member, "user": _user}


def _digest(hashed: str | None) -> str:
    """Return what is told of a password: a keyed digest of its hash, which only says whether it is the same."""
    return hmac.digest(trust.key("ways in"), (hashed or "").encode(), "sha256").hex()


# --- after a restore -----------------------------------------------------------------------------


def read(store: Store, since: datetime) -> tuple[list[Mapping[str, Any]], list[str]]:
    """Return what was told after `since`, and a sentence for every object that cannot be trusted."""
    found, faults = [], []
    for said in _each(store):
        if isinstance(said, str):
            faults.append(said)
        elif datetime.fromisoformat(said["at"]) > since:
            found.append(said)
    return found, faults


def _each(store: Store) -> Iterator[Mapping[str, Any] | str]:
    for entry in store.entries(FOLDER):
        try:
            said = unsealed(json.loads(store.get(entry.name)), trust.public_key)
            if entry.name != f"{FOLDER}/{said['of']}-{said['id']}.json":
                raise Refused("It lies under another name.")
        except (PulseError, ValueError, KeyError, TypeError):
            yield f"{entry.name}: what was taken from somebody cannot be read, and is not taken again."
        else:
            yield said


def take_away(work: Work, told: list[Mapping[str, Any]]) -> int:
    """Take away in a restored database what had been taken away after its backup; return from how many.

    A password that was changed since is none any more: its owner asks for a link, or an operator sets one.
    """
    return sum(_TAKE[said["of"]](work, said) for said in told)


def _take_key(work: Work, said: Mapping[str, Any]) -> bool:
    return not said["is_good"] and _did(
        work, "UPDATE pulse_api_key SET revoked_at = now() WHERE id = :id AND revoked_at IS NULL", id=said["id"]
    )


def _take_member(work: Work, said: Mapping[str, Any]) -> bool:
    if said["role"] is None:
        return _did(work, "DELETE FROM pulse_membership WHERE id = :id", id=said["id"])
    return _did(
        work, "UPDATE pulse_membership SET role = :role WHERE id = :id AND role <> :role",
        id=said["id"], role=said["role"],
    )  # fmt: skip


def _take_user(work: Work, said: Mapping[str, Any]) -> bool:
    id = said["id"]
    done = not said["is_active"] and _did(work, "UPDATE ab_user SET active = false WHERE id = :id AND active", id=id)
    stored = work.session.scalar(text("SELECT password FROM ab_user WHERE id = :id"), {"id": id})
    if stored and not hmac.compare_digest(_digest(stored), said["password"]):
        done |= _did(work, "UPDATE ab_user SET password = '' WHERE id = :id", id=id)
    done |= _did(
        work, "DELETE FROM ab_user_role WHERE user_id = :id AND role_id NOT IN "
        "(SELECT id FROM ab_role WHERE name = ANY(:roles))", id=id, roles=list(said["roles"]),
    )  # fmt: skip
    for table, kept in (("pulse_passkey", said["passkeys"]), ("pulse_recovery_code", said["codes"])):
        gone = f"DELETE FROM {table} WHERE user_id = :id AND NOT id = ANY(cast(:kept AS bigint[]))"
        done |= _did(work, gone, id=id, kept=list(kept))
    return done


_TAKE: Final = {"key": _take_key, "member": _take_member, "user": _take_user}


def _did(work: Work, statement: str, **facts: Any) -> bool:
    done: Any = work.session.execute(text(statement), facts)
    return bool(done.rowcount)
