"""An excerpt of the action log for somebody's hands: what a search found, as a signed archive.

The archive (ZIP) holds `entries.jsonl`, one entry a line with its sentence, and `manifest.json`, signed by
the site (ed25519): the digest of the entries, how many, what was searched for, when and by whom.
"""

import json
import zipfile
from collections.abc import Mapping
from datetime import UTC
from hashlib import sha256
from typing import IO, Any

from sqlalchemy import Select, func, select

from ...domain.audit import AuditAction
from ...errors import Refused
from ...storage import ids
from ...storage.models import AuditEntry
from ...storage.trust import canonical, sealed
from .. import audit
from ..work import Work

MOST = 50_000
"""Entries of one excerpt; `connectpulse audit export` writes all there are."""
FORMER = "Somebody"
"""Who acted, where that was forgotten."""


def sentence(actions: Mapping[str, AuditAction], row: AuditEntry) -> str:
    """Return an entry as an auditor reads it."""
    action = actions.get(row.verb)
    actor = row.actor_name or FORMER
    if action is None:
        return f"{actor}: {row.verb} {row.object_name}".strip()
    return action.sentence.format(actor=actor, object=row.object_name or "it")


def write(work: Work, found: Select[Any], query: Mapping[str, str], file: IO[bytes]) -> int:
    """Write what a statement finds into `file`, and write down that it was taken; return how many entries.

    Raises Refused, and writes nothing, where it finds more than an excerpt holds.
    """
    counted = found.with_only_columns(AuditEntry.id).order_by(None).limit(MOST + 1).subquery()
    if (work.session.scalar(select(func.count()).select_from(counted)) or 0) > MOST:
        raise Refused(f"These are more than {MOST:,} acts. Choose a shorter time, or let an operator export the log.")
    digest, count = sha256(), 0
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("entries.jsonl", "w") as entries:
            for row in work.session.scalars(found.order_by(AuditEntry.id).execution_options(yield_per=500)):
                line = canonical(_plain(work, row)) + b"\n"
                digest.update(line)
                entries.write(line)
                count += 1
        manifest = {
            "kind": "connectpulse audit excerpt",
            "at": work.clock().astimezone(UTC).isoformat(),
            "by": work.actor.name,
            "organisation": work.organisation,
            "search": dict(query),
            "entries": count,
            "sha256": digest.hexdigest(),
        }
        archive.writestr("manifest.json", json.dumps(sealed(manifest), indent=1, ensure_ascii=False))
    audit.record(work, "audit.exported", entries=count, search=sorted(query))
    return count


def _plain(work: Work, row: AuditEntry) -> dict[str, Any]:
    return {
        "id": row.id,
        "at": ids.moment(row.id).isoformat(timespec="milliseconds"),
        "sentence": sentence(work.registry.actions, row),
        "organisation": row.organisation_id,
        "verb": row.verb,
        "actor": {"kind": row.actor_kind, "id": row.actor_id, "name": row.actor_name, "address": row.actor_address},
        "object": {"kind": row.object_type, "id": row.object_id, "name": row.object_name},
        "detail": row.detail,
        "request_id": row.request_id,
        "seal": row.seal.hex(),
    }
