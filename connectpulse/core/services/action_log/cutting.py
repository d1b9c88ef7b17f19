"""Letting go of entries whose time is over: the beginning of a chain is moved past them, under its mac.

Retention calls `cut` once what is cut away is in an archive; only then does the database let the rows be
deleted, or may their partition be dropped. Verification begins where the chain begins.
"""

from dataclasses import replace
from typing import Any

from sqlalchemy import text

from ...domain.chain import Head
from ...errors import Refused
from ...storage import sealing
from ..work import Work

# The last entry before an id in each chain, and how many entries go; one index range for each chain.
_LAST = """
SELECT h.organisation_id, h.start_id, h.start_entries, h.start_seal, h.last_id, h.entries, h.seal, h.mac,
    e.id, e.seal,
    (SELECT count(*) FROM pulse_audit a WHERE a.id < :before AND a.id > h.start_id
     AND a.organisation_id IS NOT DISTINCT FROM nullif(h.organisation_id, 0)) AS gone
FROM pulse_audit_head h
JOIN LATERAL (SELECT a.id, a.seal FROM pulse_audit a WHERE a.id < :before AND a.id > h.start_id
              AND a.organisation_id IS NOT DISTINCT FROM nullif(h.organisation_id, 0)
              ORDER BY a.id DESC LIMIT 1) e ON true
ORDER BY h.organisation_id FOR UPDATE OF h
"""


def cut(work: Work, before_id: int) -> int:
    """Let every chain begin after its entries with ids below `before_id`; return how many are let go.

    Raises Refused, and moves nothing, where a chain's end was set by somebody else than this site.
    """
    _, key = sealing.keys()
    moved: list[dict[str, Any]] = []
    gone = 0
    for row in work.session.execute(text(_LAST), {"before": before_id}):
        head = Head(*row[:8])
        if not head.is_ours(key):
            raise Refused(f"The chain of organisation {head.organisation} does not hold: nothing is cut from it.")
        later = replace(head, start_id=row[8], start_seal=row[9], start_entries=head.start_entries + row[10])
        later = later.sealed(key)
        moved.append(
            {"chain": later.organisation, "id": later.start_id, "seal": later.start_seal,
             "entries": later.start_entries, "mac": later.mac}
        )  # fmt: skip
        gone += row[10]
    if moved:
        work.session.execute(
            text(
                "UPDATE pulse_audit_head SET start_id = :id, start_seal = :seal, start_entries = :entries, mac = :mac "
                "WHERE organisation_id = :chain"
            ),
            moved,
        )
    return gone
