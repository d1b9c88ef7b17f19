"""Counting: one row for each message, link and kind of visitor, with how often it came."""

from typing import Final

from sqlalchemy import text

from connectpulse.core.api import Work

from .bots import SOON

CLICKED, OPENED = "click", "open"

_COUNT: Final = """
INSERT INTO email_event (organisation_id, campaign_id, message_id, contact_id, kind, link, is_bot)
SELECT m.organisation_id, m.campaign_id, m.id, m.contact_id, CAST(:kind AS varchar), :link,
       CAST(:is_bot AS boolean) OR coalesce(now() - m.submitted_at < make_interval(secs => :soon), true)
FROM pulse_message m JOIN email_choices c ON c.organisation_id = m.organisation_id
WHERE m.id = :message AND m.campaign_id IS NOT NULL
  AND CASE WHEN CAST(:kind AS varchar) = 'click' THEN c.tracks_clicks ELSE c.tracks_opens END
ON CONFLICT (message_id, kind, link, is_bot) DO UPDATE SET times = least(email_event.times + 1, 1000000)
"""


def count(work: Work, kind: str, message_id: int, link: int, *, is_bot: bool) -> None:
    """Count a click or an open, if its message is kept and its organisation still counts. Platform work."""
    facts = {"kind": kind, "message": message_id, "link": link, "is_bot": is_bot, "soon": SOON}
    work.session.execute(text(_COUNT), facts)
