"""The inbox: which conversations there are, the last one first, and how many are unread."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text

from ...errors import Refused
from ...storage import ids
from .. import addresses, contacts
from ..work import Work

PAGE = 25
MOST_UNREAD = 99
MOST_NAMED = 1000
"""Contacts of one name whose conversations a search shows."""
SNIPPET = 140

VIEWS: Mapping[str, str] = {
    "waiting": "Needs an answer",
    "mine": "Mine",
    "unassigned": "Unassigned",
    "open": "All open",
    "done": "Done",
}
"""What the inbox can show, as people call it."""
_WHERE = {
    "waiting": "t.waiting_since IS NOT NULL",
    "mine": "t.state = 'open' AND t.assigned_to = :me",
    "unassigned": "t.state = 'open' AND t.assigned_to IS NULL",
    "open": "t.state = 'open'",
    "done": "t.state = 'done'",
}


@dataclass(frozen=True, slots=True)
class Line:
    """A conversation as the inbox shows it. `snippet` is the beginning of what was written last."""

    id: int
    contact_id: int | None
    name: str
    scheme: str
    address: str
    state: str
    unread: int
    waiting_since: datetime | None
    assigned_to: int | None
    assignee: str
    channel: str
    snippet: str
    is_opt_out: bool
    last_id: int

    @property
    def last_at(self) -> datetime:
        return ids.moment(self.last_id)


@dataclass(frozen=True, slots=True)
class Page:
    """A part of the inbox. `older` is the cursor of the next part, None at the end."""

    lines: Sequence[Line]
    older: int | None


_LINES = """
SELECT t.id, coalesce(t.contact_id, a.contact_id) AS contact_id, coalesce(c.name, '') AS name, t.scheme, t.address,
       t.state, t.unread, t.waiting_since, t.assigned_to, coalesce(btrim(u.first_name || ' ' || u.last_name), ''),
       coalesce(i.channel, ''), coalesce(left(i.body, :snippet), ''), coalesce(i.is_opt_out, false), t.last_id
FROM (SELECT t.id, t.organisation_id, t.contact_id, t.scheme, t.address, t.state, t.unread, t.waiting_since,
             t.assigned_to, t.inbound_id, t.last_id
      FROM pulse_thread t WHERE t.organisation_id = :organisation AND t.last_id < :before AND {where}
      ORDER BY t.last_id DESC LIMIT :most) t
LEFT JOIN pulse_address a ON t.contact_id IS NULL AND a.organisation_id = t.organisation_id
      AND a.scheme = t.scheme AND a.value = t.address
LEFT JOIN pulse_contact c ON c.id = coalesce(t.contact_id, a.contact_id)
LEFT JOIN pulse_inbound i ON i.id = t.inbound_id
LEFT JOIN ab_user u ON u.id = t.assigned_to
ORDER BY t.last_id DESC
"""
_HELD = "(SELECT h.kind, h.held FROM unnest(cast(:schemes AS text[]), cast(:values AS text[])) AS h (kind, held))"
_SEARCHED = f"""t.id IN (
    SELECT x.id FROM pulse_thread x WHERE x.organisation_id = :organisation AND (x.scheme, x.address) IN {_HELD}
    UNION SELECT x.id FROM pulse_thread x WHERE x.contact_id IN (
        SELECT contact_id FROM pulse_address WHERE organisation_id = :organisation AND (scheme, value) IN {_HELD}
        UNION (SELECT id FROM pulse_contact WHERE organisation_id = :organisation AND lower(name) LIKE :beginning
               ORDER BY lower(name) LIMIT :named)))"""


def page(work: Work, view: str = "waiting", *, words: str = "", before: int | None = None, most: int = PAGE) -> Page:
    """Return conversations of a view, the last one first; `words` look in all of them, by address or name.

    Raises Refused for a view there is not.
    """
    if view not in VIEWS:
        raise Refused(f"{view[:20]!r} is not a view of the inbox.")
    facts: dict[str, Any] = {
        "organisation": work.organisation_id, "before": before if before is not None else 2**63 - 1,
        "most": most + 1, "snippet": SNIPPET, "me": work.actor.id if work.actor.kind == "user" else None,
    }  # fmt: skip
    where = _WHERE[view]
    if words:
        where, facts = _SEARCHED, facts | _meant(work, words)
    lines = [Line(*row) for row in work.session.execute(text(_LINES.format(where=where)), facts)]
    return Page(lines[:most], lines[most - 1].last_id if len(lines) > most else None)


def _meant(work: Work, words: str) -> dict[str, Any]:
    """Return the addresses and the beginning of a name that somebody may mean by what they typed."""
    found, region = {(scheme, words) for scheme in addresses.SCHEMES}, contacts.region(work)
    for scheme in addresses.SCHEMES:
        try:
            found.add((scheme, addresses.normalise(scheme, words, region)))
        except Refused:
            continue
    beginning = words.lower().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
    return {
        "schemes": [scheme for scheme, _ in sorted(found)], "values": [value for _, value in sorted(found)],
        "beginning": beginning, "named": MOST_NAMED,
    }  # fmt: skip


def unread(work: Work) -> int:
    """Return how many conversations of the organisation are unread; counts no further than `MOST_UNREAD`."""
    counted = text(
        "SELECT count(*) FROM (SELECT 1 FROM pulse_thread WHERE organisation_id = :organisation AND unread > 0 "
        "LIMIT :most) AS found"
    )
    return int(work.session.scalar(counted, {"organisation": work.organisation_id, "most": MOST_UNREAD}) or 0)
