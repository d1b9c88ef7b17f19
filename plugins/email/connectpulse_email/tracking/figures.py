"""What came of a campaign's letters: how many people opened and clicked, and which links."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import text

from connectpulse.core.api import Refused, Report, Work

from ..document import draft
from .addresses import Tracking

_CAMPAIGNS: Final = """
SELECT c.id, c.name, count(DISTINCT e.message_id) FILTER (WHERE e.kind = 'open' AND NOT e.is_bot) AS opened,
       count(DISTINCT e.message_id) FILTER (WHERE e.kind = 'click' AND NOT e.is_bot) AS clicked,
       count(DISTINCT e.message_id) FILTER (WHERE e.is_bot) AS programs
FROM pulse_campaign c JOIN email_event e ON e.campaign_id = c.id
WHERE c.organisation_id = :organisation AND e.organisation_id = :organisation
GROUP BY c.id, c.name ORDER BY c.id DESC LIMIT :most
"""
_ONE: Final = """
SELECT c.id, c.name, v.content FROM pulse_campaign c
JOIN pulse_template_version v ON v.id = c.template_version_id
WHERE c.id = :campaign AND c.organisation_id = :organisation AND c.channel = 'email'
"""
_LINKS: Final = """
SELECT link, count(DISTINCT message_id) FILTER (WHERE NOT is_bot) AS people,
       sum(times) FILTER (WHERE NOT is_bot) AS times,
       count(DISTINCT message_id) FILTER (WHERE is_bot) AS programs
FROM email_event WHERE campaign_id = :campaign AND organisation_id = :organisation AND kind = 'click'
GROUP BY link ORDER BY people DESC, link
"""
COLUMNS: Final = ("Campaign", "Opened", "Clicked", "Asked for by programs")


class Line(NamedTuple):
    """A campaign by its number and name, and how many of its letters were opened, clicked, or asked for by programs."""

    id: int
    name: str
    opened: int
    clicked: int
    programs: int


class Link(NamedTuple):
    """A link of a campaign's letter: where it leads, by how many people, how often, and in how many letters programs
    followed it."""

    target: str
    people: int
    times: int
    programs: int


def campaigns(work: Work, most: int = 50) -> list[Line]:
    """Return the newest campaigns of the organisation of which something was counted."""
    rows = work.session.execute(text(_CAMPAIGNS), {"organisation": work.organisation_id, "most": most})
    return [Line(*row) for row in rows]


def links(work: Work, campaign_id: int) -> tuple[str, list[Link]] | None:
    """Return a campaign's name and what came of its links, None if the organisation has no such campaign of letters."""
    facts = {"campaign": campaign_id, "organisation": work.organisation_id}
    found = work.session.execute(text(_ONE), facts).one_or_none()
    if found is None:
        return None
    targets = _targets(found.content)
    rows = work.session.execute(text(_LINKS), facts)
    return found.name, [
        Link(targets.get(row.link, f"Link {row.link}"), row.people, int(row.times or 0), row.programs) for row in rows
    ]


def _targets(content: dict[str, Any]) -> dict[int, str]:
    """Return where the links of a content lead, by their numbers, with the names of fields in place of values."""
    try:
        made = draft(content, Tracking("", clicks=True, opens=False))
    except Refused:
        return {}
    return {
        number: "".join(piece if isinstance(piece, str) else f"{{{{ {piece.name} }}}}" for piece in mould.pieces)
        for number, mould in enumerate(made.targets, 1)
    }


def _report(work: Work, limit: int) -> Sequence[Sequence[Any]]:
    return [line[1:] for line in campaigns(work, limit)] if work.organisation is not None else []


REPORT: Final = Report("email_engagement", "Opens and clicks of letters", COLUMNS, _report)
