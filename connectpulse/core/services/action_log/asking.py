"""What a search of the action log asks for, and what of it makes no sense: told by field, never dropped in silence."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Select, exists, or_
from sqlalchemy.orm import Session

from ...domain.audit import AuditAction
from ...storage import ids
from ...storage.models import AuditEntry

DAYS = 31
"""How far back a search goes that names no day."""
MOST = 120
"""Characters of one field."""


@dataclass(frozen=True, slots=True)
class Span:
    """The moments a search lies between, and what is wrong with the days that were typed, by field."""

    since: datetime
    until: datetime
    faults: Mapping[str, str]

    def where(self) -> ColumnElement[bool]:
        """Return the condition that an entry lies within; the key answers it."""
        return (AuditEntry.id >= ids.at(self.since)) & (AuditEntry.id < ids.at(self.until))


def span(query: Mapping[str, str], zone: ZoneInfo, now: datetime) -> Span:
    """Return the whole days, in `zone`, between `from` and `until`; without faults both make sense."""
    today, first, faults = now.astimezone(zone).date(), ids.EPOCH.date(), {}
    days: dict[str, date] = {}
    for name in ("from", "until"):
        typed = query.get(name, "").strip()
        day = _day(typed)
        if fault := _fault(typed, day, today, first):
            faults[name] = fault
        elif day is not None:
            days[name] = day
    until = days.get("until", today)
    since = days.get("from", max(until - timedelta(days=DAYS), first))
    if since > until:
        faults["until"] = f"The end lies before the beginning. Write {since} or a later day, or begin earlier."
        since = until
    begin, end = (datetime.combine(each, time(), zone).astimezone(UTC) for each in (since, until + timedelta(days=1)))
    return Span(max(begin, ids.EPOCH), max(end, ids.EPOCH), faults)


def _day(typed: str) -> date | None:
    try:
        return date.fromisoformat(typed)
    except ValueError:
        return None


def _fault(typed: str, day: date | None, today: date, first: date) -> str:
    if not typed:
        return ""
    if day is None:
        return f"“{typed[:20]}” is no day. Write it like {today}."
    if day > today:
        return f"{day} is still to come. Write {today} or an earlier day."
    if day < first:
        return f"No log is older than {first}. Write that day or a later one."
    return ""


def on(wanted: str) -> ColumnElement[bool]:
    """Return the condition that an act was done to what is called so, or has this number."""
    return or_(AuditEntry.object_id == wanted, AuditEntry.object_name.istartswith(wanted, autoescape=True))


def is_verb(session: Session, actions: Mapping[str, AuditAction], log: Select[tuple[AuditEntry]], verb: str) -> bool:
    """Return whether there is such a verb: a declared one, or one in the log of a plugin that is gone."""
    return verb in actions or _holds(session, log.where(AuditEntry.verb == verb))


def verb_fault(verb: str) -> str:
    """Say that there is no such verb, and what to write."""
    return f"There is no verb “{verb[:40]}”. Choose one that is offered, like campaign.launched."


def unknown(
    session: Session, log: Select[tuple[AuditEntry]], who: str, what: str,
    search: Callable[[str], ColumnElement[bool]],
) -> dict[str, str]:  # fmt: skip
    """Return what is wrong with the names of a search that found nothing; `log` is all that lies within its days."""
    faults = {}
    if who and not _holds(session, log.where(search(who))):
        faults["q"] = (
            f"Nobody whose name begins with “{who[:40]}” did anything in these days. Write the beginning of a name, "
            "an account or an e-mail address, or begin earlier."
        )
    if what and not _holds(session, log.where(on(what))):
        faults["on"] = (
            f"Nothing called “{what[:40]}”, nor with that number, was touched in these days. Write the beginning of "
            "its name, or its number, or begin earlier."
        )
    return faults


def _holds(session: Session, statement: Select[tuple[AuditEntry]]) -> bool:
    found = exists(statement.with_only_columns(AuditEntry.id).order_by(None).limit(1).subquery().select())
    return bool(session.scalar(found.select()))
