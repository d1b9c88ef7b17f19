"""What an organisation chose about its letters: whether clicks and opens are counted, and which domains may send."""

from sqlalchemy import select

from connectpulse.core.api import Work, records

from .models import Choices


def of(work: Work) -> Choices:
    """Return the organisation's choices; nothing is counted and nothing asked for until it chose so."""
    row = work.session.scalars(select(Choices)).first()
    return row or Choices(tracks_clicks=False, tracks_opens=False, needs_verified=False)


def save(work: Work, *, tracks_clicks: bool, tracks_opens: bool, needs_verified: bool) -> Choices:
    """Keep the organisation's choices; campaigns that run follow them within a minute."""
    row = work.session.scalars(select(Choices).with_for_update()).first()
    chosen = {"tracks_clicks": tracks_clicks, "tracks_opens": tracks_opens, "needs_verified": needs_verified}
    if row is None:
        return records.create(work, Choices(**chosen), "email.choices_changed", **chosen)
    for name, value in chosen.items():
        setattr(row, name, value)
    return records.update(work, row, "email.choices_changed")
