"""Looks at the running site: what it really does today about a sentence of the policy."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select, text

from ...domain.rights import State
from ...storage import ids
from ...storage.models import AuditCheck, Connection, Drill, SubjectRequest
from .. import duties
from ..backups import watch
from ..disclosure import agreements
from ..notices import mail
from ..policy import inventory, operator, versions
from ..retention import report
from ..work import Work

DRILLED = timedelta(days=35)
"""How old the last drill may be."""
CHECKED = timedelta(hours=50)
"""How old the last check of a chain of the action log may be; each is checked every night."""
_SOME = 5


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


def _chains(work: Work, address: str) -> Seen:
    """Look at what the last check of each chain of the action log found."""
    rows = work.session.execute(
        select(AuditCheck.state, func.count(), func.min(AuditCheck.finished_at), func.max(AuditCheck.organisation_id))
        .where(AuditCheck.finished_at.is_not(None))
        .group_by(AuditCheck.state)
    )
    found = {row[0]: (row[1], row[2] or work.clock(), row[3]) for row in rows}
    if "broken" in found:
        count, at, last = found["broken"]
        whose = f"organisation {last}" if last else "the platform"
        return Seen(False, f"{count} chain(s) of the action log do not hold, among them that of {whose}.", at)
    if not found:
        return _now(work, False, "The action log was never verified here.")
    count, at, _ = found["holds"]
    is_fresh = work.clock() - at <= CHECKED
    said = f"{count} chain(s) held when they were last verified, the first of them on {at:%d %B %Y %H:%M} UTC."
    return Seen(is_fresh, said if is_fresh else f"{said} That is too long ago.", at)


def _retention(work: Work, address: str) -> Seen:
    """Look whether rules are applied, and whether rows whose time is over are still there."""
    last, faults = report.last_run(work), report.faults(work, work.clock())
    late = report.overdue(work, work.clock())
    if late:
        faults.append(f"Rows whose time is over are still in {', '.join(late[:_SOME])}.")
    if last is None:
        return _now(work, False, " ".join(faults) or "No rule was ever applied here.")
    said = f"Rules were applied on {last.started_at:%d %B %Y %H:%M} UTC; no row is there whose time is over."
    return Seen(not faults, " ".join(faults) or said, last.started_at)


def _agreements(work: Work, address: str) -> Seen:
    """Look whether anything may be sent over a connection without an agreement that holds."""
    rows = list(work.session.scalars(select(Connection).where(Connection.is_active).order_by(Connection.id)))
    found = agreements.standings(work, rows)
    without = [row.name for row in rows if not found[row.id].standing.may_send]
    if without:
        return _now(work, False, f"Active without an agreement: {', '.join(without[:_SOME])}.")
    held = sum(each.until is not None for each in found.values())
    return _now(work, True, f"{len(rows)} active connection(s): {held} with an agreement, the others are trials.")


def _policy(work: Work, address: str) -> Seen:
    version = versions.in_force(work)
    if version is None:
        return _now(work, False, "No policy is in force here.")
    return _now(work, True, f"In force since {version.effective_on:%d %B %Y}; SHA-256 {version.digest}.")


def _named(work: Work, address: str) -> Seen:
    """Look whether the policy in force names everything that is kept."""
    if versions.in_force(work) is None:
        return _now(work, False, "No policy is in force here.")
    missing = inventory.faults(work)
    return _now(work, not missing, " ".join(missing[:_SOME]) or "The policy in force names everything that is kept.")


def _operator(work: Work, address: str) -> Seen:
    missing = operator.missing(operator.facts(work))
    return _now(
        work, not missing, f"Not filled in: {', '.join(missing)}." if missing else "The operator can be reached."
    )


def _requests(work: Work, address: str) -> Seen:
    """Look whether a request about personal data is overdue."""
    ended = (State.DONE, State.REFUSED, State.WITHDRAWN)
    is_open = SubjectRequest.state.not_in([each.value for each in ended])
    row = work.session.execute(
        select(func.count(), func.count().filter(SubjectRequest.due_at < work.clock())).where(is_open)
    ).one()
    return _now(work, not row[1], f"{row[0]} open request(s), {row[1]} of them overdue.")


LOOKS: Mapping[str, Look] = {
    "acts": _acts,
    "agreements": _agreements,
    "api log": _api_log,
    "backup": _backup,
    "chains": _chains,
    "database": _database,
    "declared": _declared,
    "drill": _drill,
    "https": _https,
    "mail": _mail,
    "named": _named,
    "operator": _operator,
    "plugins": _plugins,
    "policy": _policy,
    "requests": _requests,
    "retention": _retention,
}
"""Every look by the name that controls call it by."""
