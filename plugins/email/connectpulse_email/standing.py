"""The domains an organisation sends from, and what was last found about each of them in DNS."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import timedelta
from functools import partial
from typing import Final

from sqlalchemy import or_, select

from connectpulse.core.api import (
    SYSTEM,
    NotFound,
    Opener,
    Refused,
    Work,
    notices,
    platform_scope,
    records,
)

from . import domains
from .dns import checking, findings
from .dns.checking import Published
from .dns.findings import Finding
from .dns.texts import above
from .models import DomainKey, SenderDomain
from .senders import read_sender

EVERY: Final = timedelta(hours=1)
_STALE: Final = timedelta(hours=24)
_AT_ONCE: Final = 10
TOLD: Final = ("Organisation administrator", "Campaign manager")
"""Who is told that a domain is in order no more."""


def add(work: Work, domain: str, bounce_domain: str = "", algorithm: str = "rsa") -> SenderDomain:
    """Take a domain up, with a key that waits for its record unless it has one; raise Refused for what is none."""
    name, bounces = _named(domain, bounce_domain)
    row = SenderDomain(domain=name, bounce_domain=bounces, is_verified=False, findings={})
    made = records.create(work, row, "email.domain_added")
    if not [key for key in domains.keys(work) if key.domain == name and key.state != domains.RETIRED]:
        domains.make(work, name, algorithm)
    return made


def change(work: Work, domain_id: int, bounce_domain: str) -> SenderDomain:
    """Say where bounces of a domain go."""
    row = records.find(work, SenderDomain, domain_id, lock=True)
    row.bounce_domain = _named(row.domain, bounce_domain)[1]
    return records.update(work, row, "email.domain_changed")


def remove(work: Work, domain_id: int) -> None:
    """Forget a domain and its keys: letters of it are not signed any more."""
    row = records.find(work, SenderDomain, domain_id, lock=True)
    for key in domains.keys(work):
        if key.domain == row.domain:
            domains.remove(work, key.id)
    records.delete(work, row, "email.domain_removed")


def _named(domain: str, bounce_domain: str) -> tuple[str, str]:
    return domains.read_domain(domain), domains.read_domain(bounce_domain) if bounce_domain.strip() else ""


def look(opened: Callable[[], AbstractContextManager[Work]], domain_id: int) -> list[Finding]:
    """Ask DNS about a domain, keep what it said, and sign with a key whose record is there.

    Opens units of work of the organisation by itself: none is open while DNS is asked.
    """
    with opened() as work:
        row = records.find(work, SenderDomain, domain_id)
        keys, domain, bounces = keys_to_publish(work, row.domain), row.domain, row.bounce_domain
    found = checking.check(domain, keys, bounces)
    with opened() as work:
        _keep(work, records.find(work, SenderDomain, domain_id, lock=True), found)
    return found


def _keep(work: Work, row: SenderDomain, found: list[Finding]) -> None:
    before = row.is_verified
    row.findings = {"found": [each.kept() for each in found]}
    row.is_verified, row.checked_at = findings.holds(found, before), work.clock()
    if row.is_verified != before:
        records.update(work, row, "email.domain_verified" if row.is_verified else "email.domain_lost")
        _tell(work, row)
    waiting = domains.waiting(work, row.domain)
    if waiting is not None and domains.record_name(waiting) in {
        each.name for each in found if each.what in (checking.DKIM, checking.NEXT) and each.state == findings.OK
    }:
        domains.use(work, waiting.id)


def _tell(work: Work, row: SenderDomain) -> None:
    matter = f"email.domain:{row.id}"
    if row.is_verified:
        notices.end(work, matter)
        return
    wrong = "; ".join(f"{each.what}: {each.says}" for each in findings.read(row.findings) if each.state == findings.BAD)
    notices.post(
        work, "email.domain_lost", f"The domain {row.domain} is not in order any more", wrong, roles=TOLD,
        organisation_id=row.organisation_id, level="warning", link=f"/email/domains/show/{row.id}", key=matter,
    )  # fmt: skip


def keys_to_publish(work: Work, domain: str) -> list[Published]:
    """Return the keys that should be in DNS for a domain, the one in use first: its own, or those of the next above."""
    held = [key for key in domains.keys(work) if key.state != domains.RETIRED]
    for name in above(domain):
        found = [key for key in held if key.domain == name]
        if found:
            return sorted((_published(key) for key in found), key=lambda each: not each.is_signing)
    return []


def _published(key: DomainKey) -> Published:
    return Published(
        key.domain, domains.record_name(key), domains.record_value(key), key.algorithm, key.public_key,
        key.state == domains.SIGNING,
    )  # fmt: skip


def standing_of(work: Work, domain: str) -> SenderDomain | None:
    """Return the row of a domain, or of the nearest one above it, None where none was taken up."""
    rows = work.session.scalars(select(SenderDomain).where(SenderDomain.domain.in_(above(domain)))).all()
    return max(rows, key=lambda row: len(row.domain), default=None)


def doubt(work: Work, sender: str) -> str:
    """Return what is to be done about a sender's domain before receivers believe it, empty if nothing."""
    domain = read_sender(sender).domain
    row = standing_of(work, domain)
    if row is None:
        return f"Nobody vouches for {domain}: receivers may refuse its letters. Add it under Sender domains."
    if row.is_verified:
        return ""
    return f"The domain {row.domain} is not in order: receivers may refuse its letters. See Sender domains."


def look_again(opened: Opener) -> bool:
    """Ask about domains that were not asked about for a day; return whether there are more. A duty."""
    with opened(SYSTEM) as work, platform_scope(work.session, "check the domains of senders"):
        due = _due(work)
    for organisation_id, domain_id in due:
        try:
            look(partial(opened, SYSTEM, organisation_id), domain_id)
        except (NotFound, Refused):  # taken out meanwhile
            continue
    return len(due) == _AT_ONCE


def _due(work: Work) -> Sequence[tuple[int, int]]:
    statement = (
        select(SenderDomain.organisation_id, SenderDomain.id)
        .where(or_(SenderDomain.checked_at.is_(None), SenderDomain.checked_at < work.clock() - _STALE))
        .order_by(SenderDomain.checked_at.nulls_first(), SenderDomain.id)
        .limit(_AT_ONCE)
    )
    return [(row[0], row[1]) for row in work.session.execute(statement)]
