"""What is charged where a message was not delivered: versions of a policy, and which of them holds for a campaign."""

from dataclasses import dataclass
from functools import lru_cache

from sqlalchemy import select, text

from connectpulse.core.api import Cause, MessageState, Refused, Work, audit, platform_scope

from .tables import Policy

PLATFORM = 0
_ALWAYS = (MessageState.DELIVERED, MessageState.READ)
_NEVER = (MessageState.SKIPPED, MessageState.CANCELLED, MessageState.REJECTED, MessageState.FAILED)


@dataclass(frozen=True, slots=True)
class Charges:
    """Which endings besides delivery are charged. What was refused, failed or never handed over is free, always."""

    undeliverable: bool = False
    expired: bool = False
    unknown: bool = False
    version: int | None = None

    def place(self, state: MessageState, cause: Cause) -> str:
        """Return where the units of messages in a state are: `reserved`, `spent`, or `` for given back."""
        if state in _ALWAYS:
            return "spent"
        if state in _NEVER or cause is Cause.NEVER_SENT:
            return ""
        if cause is Cause.ANSWER_LOST or (cause is Cause.NOT_REPORTED and state is MessageState.UNKNOWN):
            return "spent" if self.unknown else ""
        if cause is Cause.NOT_REPORTED:
            return "spent"
        if state is MessageState.UNDELIVERABLE:
            return "spent" if self.undeliverable else ""
        if state is MessageState.EXPIRED:
            return "spent" if self.expired else ""
        return "reserved"


ONLY_DELIVERED = Charges()
"""What holds where nobody set a policy, and always for single messages."""


def in_force(work: Work, organisation_id: int) -> Charges:
    """Return what a campaign launched now is charged by: the organisation's newest version, or the platform's."""
    with platform_scope(work.session, "what messages are charged"):
        for owner in (organisation_id, PLATFORM):
            newest = select(Policy).where(Policy.organisation_id == owner).order_by(Policy.id.desc()).limit(1)
            found = work.session.scalars(newest).first()
            if found is not None:
                return Charges(found.undeliverable, found.expired, found.unknown, found.id)
    return ONLY_DELIVERED


def change(work: Work, organisation_id: int, charges: Charges) -> Policy:
    """Make a new version for an organisation, or for the platform (0); running campaigns keep theirs.

    For administrators of the platform. Raises Refused where nothing would change.
    """
    before = in_force(work, organisation_id)
    wanted = (charges.undeliverable, charges.expired, charges.unknown)
    if before.version is not None and wanted == (before.undeliverable, before.expired, before.unknown):
        raise Refused("This is the policy already.")
    made = Policy(organisation_id=organisation_id, undeliverable=wanted[0], expired=wanted[1], unknown=wanted[2])
    with platform_scope(work.session, "what messages are charged"):
        work.session.add(made)
        work.session.flush()
    audit.record_named(
        work, "billing.policy_changed", organisation_id or None, "Policy", made.id, "what is charged",
        undeliverable=wanted[0], expired=wanted[1], unknown=wanted[2],
    )  # fmt: skip
    return made


_FREEZE = text(
    "INSERT INTO billing_terms (campaign_id, organisation_id, policy_id, undeliverable, expired, unknown) "
    "VALUES (:campaign, :organisation, :policy, :undeliverable, :expired, :unknown) ON CONFLICT DO NOTHING"
)


def freeze(work: Work, organisation_id: int, campaign_id: int) -> None:
    """Let the policy in force now hold for a campaign, unless one does already."""
    if of_campaigns(work, {campaign_id}):
        return
    charges = in_force(work, organisation_id)
    work.session.execute(
        _FREEZE,
        {
            "campaign": campaign_id, "organisation": organisation_id, "policy": charges.version,
            "undeliverable": charges.undeliverable, "expired": charges.expired, "unknown": charges.unknown,
        },
    )  # fmt: skip


_TERMS = text(
    "SELECT campaign_id, undeliverable, expired, unknown, policy_id FROM billing_terms WHERE campaign_id = ANY(:ids)"
)


def of_campaigns(work: Work, campaign_ids: set[int]) -> dict[int, Charges]:
    """Return what campaigns are charged by; those that never reserved anything are absent."""
    if not campaign_ids:
        return {}
    return {row[0]: _shared(*row[1:]) for row in work.session.execute(_TERMS, {"ids": list(campaign_ids)})}


@lru_cache(maxsize=256)
def _shared(undeliverable: bool, expired: bool, unknown: bool, version: int | None) -> Charges:
    return Charges(undeliverable, expired, unknown, version)
