"""Consents: who agreed to be written to, for what, and how we know; given and withdrawn by people, with a trace."""

from sqlalchemy import select

from ..errors import Refused
from ..storage.models import Consent
from . import addresses, contacts, erased, records, suppressions
from .work import Work

WITHDRAWN = "opted_out"
"""Why an address is suppressed whose owner withdrew a consent."""
LONGEST = 500


def give(work: Work, scheme: str, raw: str, channel: str, purpose: str, evidence: str) -> Consent:
    """Write down that the owner of an address agreed to be written to; raise Refused without evidence.

    Raises Refused, too, where the address is suppressed: that is lifted first, by somebody who answers for it.
    """
    value = addresses.normalise(scheme, raw, contacts.region(work))
    said = _evidence(evidence)
    if erased.known(work, work.organisation_id, [(scheme, value)]):
        raise Refused("The owner of this address was erased. A consent needs to come from them anew, by a request.")
    if suppressions.suppressed(work, scheme, [value], channel, [purpose]):
        raise Refused("This address is suppressed. Lift the suppression first, if its owner has agreed since.")
    if _same(work, scheme, value, channel, purpose) is not None:
        raise Refused("This consent is written down already.")
    made = Consent(scheme=scheme, value=value, channel=channel, purpose=purpose, evidence=said)
    return records.create(work, made, "consent.given")


def change(work: Work, consent_id: int, channel: str, purpose: str, evidence: str) -> Consent:
    """Change what a consent is for and how we know of it; its address stays."""
    row = records.find(work, Consent, consent_id, lock=True)
    same = _same(work, row.scheme, row.value, channel, purpose)
    if same is not None and same.id != row.id:
        raise Refused("There is a consent like this already.")
    row.channel, row.purpose, row.evidence = channel, purpose, _evidence(evidence)
    return records.update(work, row, "consent.updated")


def withdraw(work: Work, consent_id: int) -> None:
    """Take a consent back: it goes, and its address is suppressed as far as the consent reached."""
    row = records.find(work, Consent, consent_id, lock=True)
    suppressions.add(
        work, row.scheme, row.value, reason=WITHDRAWN, source="consent withdrawn", channel=row.channel,
        purpose=row.purpose,
    )  # fmt: skip
    records.delete(work, row, "consent.withdrawn")


def _evidence(said: str | None) -> str:
    words = (said or "").strip()
    if not words:
        raise Refused("Say how we know of it: a form and its date, a contract, a recorded call.")
    return words[:LONGEST]


def _same(work: Work, scheme: str, value: str, channel: str, purpose: str) -> Consent | None:
    wanted = select(Consent).where(
        Consent.scheme == scheme, Consent.value == value, Consent.channel == channel, Consent.purpose == purpose
    )
    return work.session.scalars(wanted).one_or_none()
