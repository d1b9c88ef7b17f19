"""Addresses that bounce softly again and again: a mailbox that stays full is nobody's any more.

The third letter within a month that could not be delivered suppresses the address, whatever each bounce said.
"""

from datetime import timedelta
from typing import Final

from sqlalchemy import text

from connectpulse.core.api import MessageState, Work, entered, id_at, suppress

MONTH: Final = timedelta(days=30)
BOUNCES: Final = 3
EVERY: Final = timedelta(hours=1)
_LATELY: Final = EVERY * 26
"""How far back bounces are looked at: longer than between two looks, should one be missed."""

_WEARY: Final = """
WITH lately AS (
    SELECT DISTINCT m.organisation_id, m.address
    FROM pulse_receipt r JOIN pulse_message m ON m.id = r.message_id
    WHERE r.id >= :lately AND r.state = :undeliverable AND m.channel = 'email' AND m.address <> '' AND m.id >= :month
    UNION
    SELECT DISTINCT m.organisation_id, m.address
    FROM pulse_attempt a JOIN pulse_message m ON m.id = a.message_id
    WHERE a.created_at >= :since AND a.outcome = 'rejected' AND a.error = 'recipient' AND m.channel = 'email'
      AND m.address <> '' AND m.id >= :month)
SELECT l.organisation_id, l.address FROM lately l
WHERE NOT EXISTS (SELECT 1 FROM pulse_suppression s WHERE s.organisation_id = l.organisation_id
                  AND s.scheme = 'email' AND s.value = l.address AND s.channel IN ('email', '*'))
  AND (SELECT count(*) FROM pulse_message m WHERE m.organisation_id = l.organisation_id AND m.address = l.address
       AND m.id >= :month AND m.channel = 'email' AND m.state = :undeliverable) >= :bounces
LIMIT 1000
"""


def look(work: Work) -> bool:
    """Suppress addresses whose letters came back too often; return whether there may be more. Platform work."""
    now = work.clock()
    facts = {
        "lately": id_at(now - _LATELY),
        "since": now - _LATELY,
        "month": id_at(now - MONTH),
        "undeliverable": int(MessageState.UNDELIVERABLE),
        "bounces": BOUNCES,
    }
    found = work.session.execute(text(_WEARY), facts).all()
    for organisation_id, address in found:
        with entered(work, organisation_id):
            suppress(
                work, "email", address, reason="undeliverable", source="bounced three times in 30 days", channel="email"
            )
    return len(found) == 1000
