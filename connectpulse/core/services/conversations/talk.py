"""What was said with one person, over all channels, and what was decided about writing to them, in order of time.

Every page costs a few looks at indexes: by contact, and by each address, as many rows as the page shows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, text, tuple_

from ...domain.message import STATES, MessageState
from ...storage import ids
from ...storage.models import ANY, Campaign, Consent, Suppression
from .. import messages, suppressions
from ..work import Work
from .threads import Party

PAGE = 30
MOST_NOTES = 50
CLIPPED = 2000
"""Characters of a text that a conversation shows; the message's own page has all of it."""


@dataclass(frozen=True, slots=True)
class Said:
    """A message that went out, or came in (`is_ours` False).

    `address` is the person's, `identity` ours. `state` is None for what came in. `troubles` tell of attempts that
    failed. `campaign` is id and name; `labels` are words that stand beside it.
    """

    id: int
    is_ours: bool
    channel: str
    address: str
    identity: str
    body: str
    is_clipped: bool = False
    state: MessageState | None = None
    reason: str = ""
    campaign: tuple[int, str] | None = None
    troubles: Sequence[str] = ()
    labels: Sequence[str] = ()

    @property
    def at(self) -> datetime:
        return ids.moment(self.id)


@dataclass(frozen=True, slots=True)
class Note:
    """Something that was decided about writing to the person, in words."""

    at: datetime
    text: str


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a conversation, the newest last. `older` is where the part before ends, None at the beginning."""

    entries: Sequence[Said | Note]
    older: int | None


_FOUND = """
WITH found AS (
    (SELECT id, true AS is_ours FROM pulse_message
     WHERE contact_id = :contact AND organisation_id = :organisation AND id < :before ORDER BY id DESC LIMIT :most)
    UNION
    (SELECT id, false FROM pulse_inbound
     WHERE contact_id = :contact AND organisation_id = :organisation AND id < :before ORDER BY id DESC LIMIT :most)
    UNION
    SELECT m.id, true FROM unnest(cast(:addresses AS text[])) AS a (value) CROSS JOIN LATERAL (
        SELECT id FROM pulse_message WHERE organisation_id = :organisation AND address = a.value AND id < :before
        ORDER BY id DESC LIMIT :most) m
    UNION
    SELECT i.id, false FROM unnest(cast(:addresses AS text[])) AS a (value) CROSS JOIN LATERAL (
        SELECT id FROM pulse_inbound WHERE organisation_id = :organisation AND address = a.value AND id < :before
        ORDER BY id DESC LIMIT :most) i
)
SELECT id, is_ours FROM found ORDER BY id DESC LIMIT :most
"""
_OURS = """
SELECT m.id, m.campaign_id, m.channel, m.address, m.sender, m.state, m.reason, left(m.body, :clip) AS body,
       CASE WHEN pg_column_size(m.extra) < 65536 THEN m.extra END AS extra
FROM pulse_message m WHERE m.id = ANY(:ids) AND m.id BETWEEN :first AND :last
"""
"""A content of more than 64 KB, a letter from elsewhere, is not read for a page of thirty: its subject tells of it."""
_THEIRS = """
SELECT i.id, i.channel, i.address, i.recipient, i.is_opt_out, coalesce(c.is_trial, false) AS is_trial,
       left(i.body, :clip) AS body
FROM pulse_inbound i LEFT JOIN pulse_connection c ON c.id = i.connection_id WHERE i.id = ANY(:ids)
"""
_ATTEMPTS = """
SELECT t.message_id, t.number, t.outcome, t.reason, coalesce(c.name, 'a connection that is gone') AS over
FROM pulse_attempt t LEFT JOIN pulse_connection c ON c.id = t.connection_id
WHERE t.message_id = ANY(:ids) ORDER BY t.id LIMIT 300
"""
_OUTCOMES = {"try_later": "to be tried again", "unknown": "the answer was lost"}


def page(work: Work, party: Party, before: int | None = None) -> Page:
    """Return the last part of what was said with a person, or what came before the id `before`."""
    facts: dict[str, Any] = {
        "organisation": work.organisation_id, "contact": party.contact.id if party.contact is not None else None,
        "addresses": sorted({value for _, value in party.addresses}), "most": PAGE + 1,
        "before": before if before is not None else 2**63 - 1,
    }  # fmt: skip
    rows = work.session.execute(text(_FOUND), facts).all()
    shown = rows[:PAGE]
    older = shown[-1].id if len(rows) > PAGE else None
    said = [*_ours(work, [r.id for r in shown if r.is_ours]), *_theirs(work, [r.id for r in shown if not r.is_ours])]
    since = ids.moment(older) if older is not None else ids.EPOCH
    until = ids.moment(before) if before is not None else None
    entries: list[Said | Note] = [*said, *_notes(work, party, since, until)]
    return Page(sorted(entries, key=lambda each: each.at), older)


def _ours(work: Work, found: Sequence[int]) -> list[Said]:
    if not found:
        return []
    facts = {"ids": list(found), "first": min(found), "last": max(found), "clip": CLIPPED + 1}
    rows = work.session.execute(text(_OURS), facts).all()
    named = select(Campaign.id, Campaign.name).where(Campaign.id.in_({row.campaign_id for row in rows}))
    campaigns = {row.id: row.name for row in work.session.execute(named)}
    troubles = _troubles(work, found)
    words = {row.id: messages.words(work, row.channel, row.body, row.extra) for row in rows}
    return [
        Said(
            row.id, True, row.channel, row.address, row.sender, words[row.id][:CLIPPED],
            len(words[row.id]) > CLIPPED, STATES[row.state], row.reason.replace("_", " "),
            (row.campaign_id, campaigns[row.campaign_id]) if row.campaign_id in campaigns else None,
            troubles.get(row.id, ()),
        )
        for row in rows
    ]  # fmt: skip


def _troubles(work: Work, found: Sequence[int]) -> Mapping[int, list[str]]:
    told: dict[int, list[str]] = {}
    for row in work.session.execute(text(_ATTEMPTS), {"ids": list(found)}):
        what = _OUTCOMES.get(row.outcome, "refused")
        why = f" ({row.reason.replace('_', ' ')})" if row.reason else ""
        told.setdefault(row.message_id, []).append(f"Attempt {row.number} over {row.over}: {what}{why}.")
    return told


def _theirs(work: Work, found: Sequence[int]) -> list[Said]:
    if not found:
        return []
    rows = work.session.execute(text(_THEIRS), {"ids": list(found), "clip": CLIPPED + 1})
    return [
        Said(
            row.id, False, row.channel, row.address, row.recipient, row.body[:CLIPPED], len(row.body) > CLIPPED,
            labels=(*(["opt-out"] if row.is_opt_out else []), *(["trial"] if row.is_trial else [])),
        )
        for row in rows
    ]  # fmt: skip


def _notes(work: Work, party: Party, since: datetime, until: datetime | None) -> list[Note]:
    """Return what was decided about a person; what holds for one number under two schemes is said once."""
    said = [
        *(Note(row.created_at, _suppressed(work, row)) for row in _about(work, Suppression, party, since, until)),
        *(Note(row.created_at, _agreed(work, row)) for row in _about(work, Consent, party, since, until)),
    ]
    return list(dict.fromkeys(said))


def _about(work: Work, model: type[Any], party: Party, since: datetime, until: datetime | None) -> Sequence[Any]:
    """Return what holds for the person's addresses and was decided in a time, the newest first."""
    if not party.addresses:
        return []
    wanted = select(model).where(
        tuple_(model.scheme, model.value).in_(list(party.addresses)), model.created_at >= since
    )
    if until is not None:
        wanted = wanted.where(model.created_at < until)
    return work.session.scalars(wanted.order_by(model.created_at.desc()).limit(MOST_NOTES)).all()


def _suppressed(work: Work, row: Suppression) -> str:
    why = suppressions.REASONS.get(row.reason, row.reason)
    return f"No {_what(row.purpose)} to {row.value} {_where(work, row.channel)} any more: {why}. Source: {row.source}."


def _agreed(work: Work, row: Consent) -> str:
    return f"Agreed to {_what(row.purpose)} to {row.value} {_where(work, row.channel)}. Evidence: {row.evidence[:300]}"


def _what(purpose: str) -> str:
    return "messages" if purpose == ANY else f"{purpose} messages"


def _where(work: Work, channel: str) -> str:
    known = work.registry.channels.get(channel)
    return "on any channel" if channel == ANY else f"over {known.title if known is not None else channel}"
