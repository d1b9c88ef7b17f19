"""What an organisation may use: asked of the plugins that limit it, and kept where it applies.

Where several plugins limit the same, the least holds.
"""

import time
from dataclasses import dataclass, field
from threading import Lock

from sqlalchemy import func, select

from ..domain.limits import Allowance
from ..errors import Refused
from ..storage.models import Invitation, Membership, Organisation
from .work import SYSTEM, Opener, Work

REMEMBERED = 30.0
"""Seconds the API goes on with what it asked; a plan that is changed counts after that."""


def of(work: Work, organisation_id: int) -> Allowance:
    """Return what an organisation may use."""
    found = [limit.of(work, organisation_id) for limit in work.registry.limits.values()]
    channels = [each.channels for each in found if each.channels is not None]
    return Allowance(
        frozenset.intersection(*channels) if channels else None,
        min((each.users for each in found if each.users is not None), default=None),
        min((each.api_per_minute for each in found if each.api_per_minute is not None), default=None),
        " ".join(each.because for each in found if each.because),
    )


def objections(work: Work, organisation_id: int, channel: str) -> list[str]:
    """Return the sentence that keeps an organisation from a channel, empty if nothing does."""
    allowed = of(work, organisation_id)
    if allowed.channels is None or channel in allowed.channels:
        return []
    known = work.registry.channels.get(channel)
    return [f"{known.title if known else channel} is not included. {allowed.because}".strip()]


def seats(work: Work) -> tuple[int, int] | None:
    """Return how many users the organisation has or has invited, and how many it may; None where nothing limits it."""
    most = of(work, work.organisation_id).users
    return None if most is None else (_taken(work), most)


def check_seat(work: Work) -> None:
    """Raise Refused if the organisation may have no further user; two that ask at once wait for each other."""
    allowed = of(work, work.organisation_id)
    if allowed.users is None:
        return
    work.session.execute(select(Organisation.id).where(Organisation.id == work.organisation_id).with_for_update())
    if _taken(work) >= allowed.users:
        raise Refused(
            f"You may have {allowed.users} users, and all places are taken or offered. {allowed.because} "
            "Remove a member, withdraw an invitation, or ask for more.".replace("  ", " ")
        )


def _taken(work: Work) -> int:
    here = work.organisation_id
    members = select(func.count()).select_from(Membership).where(Membership.organisation_id == here)
    offered = select(func.count()).select_from(Invitation).where(
        Invitation.organisation_id == here, Invitation.ended_at.is_(None), Invitation.expires_at > work.clock()
    )  # fmt: skip
    return int(work.session.scalar(select(members.scalar_subquery() + offered.scalar_subquery())) or 0)


@dataclass(slots=True)
class Memory:
    """What one process remembers for the API, which is asked too often to ask a plugin each time."""

    known: dict[int, tuple[float, Allowance]] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)

    def api_per_minute(self, open_work: Opener, organisation_id: int) -> int | None:
        """Return how many requests a minute an organisation's keys may make together, None for any number."""
        now = time.monotonic()
        with self.lock:
            since, allowed = self.known.get(organisation_id, (now - REMEMBERED, Allowance()))
        if now - since < REMEMBERED:
            return allowed.api_per_minute
        with open_work(SYSTEM, organisation_id) as work:
            allowed = of(work, organisation_id)
        with self.lock:
            for old in [each for each, (then, _) in self.known.items() if now - then >= REMEMBERED]:
                del self.known[old]
            self.known[organisation_id] = (now, allowed)
        return allowed.api_per_minute
