"""Who accepted which version of the policy, and whom an open question keeps from going on.

A version is accepted by a button, or, once it holds, by going on; the day before, going on means nothing. A
material change must be accepted by the button, and so must the policy in force by an account newer than it.
"""

from dataclasses import dataclass

from sqlalchemy import exists, func, select, text
from sqlalchemy.dialects.postgresql import insert

from ...errors import Refused
from ...storage.models import Acceptance, PolicyVersion
from .. import audit
from ..work import Work
from . import versions

EXPLICIT, IMPLIED = "explicit", "implied"


@dataclass(frozen=True, slots=True)
class Standing:
    """How somebody stands to the policy. `version_id` None: none holds.

    `is_blocked` says that they must accept first.
    """

    version_id: int | None = None
    digest: str = ""
    is_accepted: bool = True
    is_blocked: bool = False


def standing(work: Work, user_id: int) -> Standing:
    """Return how an account stands to the policy in force: one indexed look-up, two more where it is not accepted."""
    row = work.session.execute(
        select(
            PolicyVersion.id,
            PolicyVersion.digest,
            exists().where(Acceptance.user_id == user_id, Acceptance.digest == PolicyVersion.digest),
        )
        .where(PolicyVersion.published_at.is_not(None), PolicyVersion.effective_on <= work.clock().date())
        .order_by(PolicyVersion.effective_on.desc(), PolicyVersion.id.desc())
        .limit(1)
    ).one_or_none()
    if row is None:
        return Standing()
    version_id, digest, is_accepted = row
    return Standing(version_id, digest or "", is_accepted, not is_accepted and _must_agree(work, user_id, version_id))


def blocks(work: Work, user_id: int) -> bool:
    """Return whether the account must accept the policy before it may do anything, in the panel or by the API."""
    return standing(work, user_id).is_blocked


def _must_agree(work: Work, user_id: int, version_id: int) -> bool:
    """Return whether going on is not enough: a material version came since the last one they accepted."""
    last = work.session.scalar(
        select(func.max(PolicyVersion.id))
        .join(Acceptance, Acceptance.digest == PolicyVersion.digest)
        .where(Acceptance.user_id == user_id)
    )
    if last is None and _is_newer(work, user_id, version_id):
        return True
    skipped = select(PolicyVersion.id).where(
        PolicyVersion.published_at.is_not(None),
        PolicyVersion.effective_on <= work.clock().date(),
        PolicyVersion.is_material,
        PolicyVersion.id > (last or 0),
    )
    return work.session.scalar(skipped.limit(1)) is not None


def _is_newer(work: Work, user_id: int, version_id: int) -> bool:
    """Return whether an account was made after a version was published, so that no notice of it reached them."""
    made = text(
        "SELECT u.created_on > v.published_at AT TIME ZONE 'UTC' FROM ab_user u, pulse_policy_version v "
        "WHERE u.id = :user AND v.id = :version"
    )
    return bool(work.session.scalar(made, {"user": user_id, "version": version_id}))


def coming(work: Work, user_id: int) -> PolicyVersion | None:
    """Return the material version that will hold soon and that the account has not accepted yet."""
    accepted = exists().where(Acceptance.user_id == user_id, Acceptance.digest == PolicyVersion.digest)
    wanted = (
        select(PolicyVersion)
        .where(
            PolicyVersion.published_at.is_not(None),
            PolicyVersion.effective_on > work.clock().date(),
            PolicyVersion.is_material,
            ~accepted,
        )
        .order_by(PolicyVersion.effective_on, PolicyVersion.id)
    )
    return work.session.scalars(wanted.limit(1)).one_or_none()


def accept(work: Work, digest: str) -> bool:
    """Accept a published version by a button; return whether that is new."""
    version = versions.by_digest(work, digest)
    return _write(work, version.digest or "", EXPLICIT)


def go_on(work: Work) -> Standing:
    """Note that somebody uses the platform: accepts the policy in force, unless it must be accepted by a button.

    Use before the effective date accepts nothing. Safe to call with every request.
    """
    if work.actor.kind != "user" or work.actor.id is None:
        return Standing()
    found = standing(work, work.actor.id)
    if found.is_accepted or found.is_blocked:
        return found
    _write(work, found.digest, IMPLIED)
    return Standing(found.version_id, found.digest)


def _write(work: Work, digest: str, method: str) -> bool:
    user_id = work.actor.id
    if work.actor.kind != "user" or user_id is None:
        raise Refused("Only a person can accept the policy: sign in first.")
    made = work.session.execute(
        insert(Acceptance.__table__)
        .values(
            user_id=user_id, digest=digest, method=method, network_address=work.actor.address[:60],
            accepted_at=work.clock(),
        )
        .on_conflict_do_nothing()
        .returning(Acceptance.__table__.c.id)
    ).scalar_one_or_none()  # fmt: skip
    if made is None:
        return False
    audit.record_named(work, "policy.accepted", None, "PolicyVersion", digest[:12], digest[:12], method=method)
    return True


def count(work: Work, digest: str) -> dict[str, int]:
    """Return how many accepted a version, by method."""
    rows = work.session.execute(
        select(Acceptance.method, func.count()).where(Acceptance.digest == digest).group_by(Acceptance.method)
    )
    return {method: number for method, number in rows}
