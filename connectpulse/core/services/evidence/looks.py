"""Looks at the running site: what it really does today about a sentence of the policy."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, text

from ...storage import ids
from ...storage.models import Drill
from .. import duties
from ..backups import watch
from ..notices import mail
from ..work import Work

DRILLED = timedelta(days=35)
"""How old the last drill may be."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a look found, and when that was so: now, or at the last run of what it tells of."""

    is_good: bool
    detail: str
    at: datetime


Look = Callable[[Work, str], Seen]
"""A look at the site, told its public address."""


def _now(work: Work, is_good: bool, detail: str) -> Seen:
    return Seen(is_good, detail, work.clock())


def _backup(work: Work, address: str) -> Seen:
    found = watch.health(work)
    return Seen(found.is_healthy, found.detail, watch.newest(work) or work.clock())


def _drill(work: Work, address: str) -> Seen:
    last = work.session.scalars(select(Drill).order_by(Drill.ended_at.desc()).limit(1)).one_or_none()
    if last is None:
        return _now(work, False, "No drill was ever held. `connectpulse drill` holds one.")
    is_fresh = work.clock() - last.ended_at <= DRILLED
    said = (
        f"The drill of {last.ended_at:%d %B %Y} {'restored' if last.is_passed else 'could not restore'} {last.backup}."
    )
    return Seen(last.is_passed and is_fresh, said if is_fresh else f"{said} That is too long ago.", last.ended_at)


def _https(work: Work, address: str) -> Seen:
    is_https = address.startswith("https://")
    return _now(work, is_https, f"People reach the site at {address}." + ("" if is_https else " That is not https."))


def _declared(work: Work, address: str) -> Seen:
    owned = duties.core_tables() | {table for info in work.registry.plugins.values() for table in info.owns_tables}
    without = sorted(owned - set(work.registry.rules))
    said = f"Without a rule: {', '.join(without)}." if without else f"{len(owned)} tables, each with one rule."
    return _now(work, not without, said)


def _plugins(work: Work, address: str) -> Seen:
    refused = sorted(work.registry.refusals)
    said = f"Kept out: {', '.join(refused)}." if refused else f"{len(work.registry.plugins)} plugin(s), none refused."
    return _now(work, True, said)


def _database(work: Work, address: str) -> Seen:
    rows = work.session.execute(text("SELECT to_regclass('alembic_version') IS NOT NULL")).scalar()
    return _now(work, bool(rows), "The database answers and carries its version.")


def _mail(work: Work, address: str) -> Seen:
    sent = mail.is_sent_here()
    return _now(work, sent, "The site sends mail." if sent else "MAIL_URL is not set: only the panel tells people.")


def _api_log(work: Work, address: str) -> Seen:
    """Look for requests of the API that are older than seven days and an hour."""
    if work.session.scalar(text("SELECT to_regclass('pulse_api_request')")) is None:
        return _now(work, True, "There is no log of API requests.")
    first = work.session.scalar(text("SELECT min(id) FROM pulse_api_request"))
    if first is None:
        return _now(work, True, "The log of requests is empty.")
    oldest = ids.moment(first)
    said = f"The oldest request is of {oldest:%d %B %Y %H:%M} UTC."
    return _now(work, work.clock() - oldest <= timedelta(days=7, hours=1), said)


def _acts(work: Work, address: str) -> Seen:
    last = work.session.scalar(text("SELECT max(id) FROM pulse_audit"))
    return _now(work, last is not None, "Acts are written down." if last else "Nothing was ever written down.")


LOOKS: Mapping[str, Look] = {
    "acts": _acts,
    "api log": _api_log,
    "backup": _backup,
    "database": _database,
    "declared": _declared,
    "drill": _drill,
    "https": _https,
    "mail": _mail,
    "plugins": _plugins,
}
"""Every look by the name that controls call it by."""
