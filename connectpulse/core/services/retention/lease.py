"""The lease of a retention run: each of its transactions ends by holding on to it, and is undone if it cannot.

So a run whose lease another took deletes nothing more, however long it was away, and a long step keeps its lease.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from sqlalchemy import update

from ...errors import Refused
from ...storage.models import RetentionClock
from ..work import Actor, Opener, Work

LENGTH = timedelta(minutes=10)
"""How long a run may be silent before another may begin: longer than any single transaction of it."""


def held(open_work: Opener, me: str, moment: datetime) -> Opener:
    """Return an opener of units of work that end by extending the lease of `me`.

    They raise Refused, and so do nothing, once another run has begun or the clock is in doubt. `moment` is the
    database's time now; the time that passes is counted by the machine, as nobody can set that.
    """
    began = time.monotonic()

    @contextmanager
    def unit(actor: Actor, organisation: int | None = None) -> Iterator[Work]:
        with open_work(actor, organisation) as work:
            yield work
            _keep(work, me, moment + timedelta(seconds=time.monotonic() - began))

    return unit


def _keep(work: Work, me: str, now: datetime) -> None:
    """Extend the lease. The row stays locked until the transaction ends, so nobody takes over in between."""
    mine = update(RetentionClock).where(
        RetentionClock.id == 1, RetentionClock.runner == me, RetentionClock.stopped_at.is_(None)
    )
    kept = work.session.execute(
        mine.values(lease_until=now + LENGTH).returning(RetentionClock.id),
        execution_options={"synchronize_session": False},
    )
    if kept.one_or_none() is None:
        raise Refused("Another retention run has taken over, or the clock is in doubt: this one ends.")
