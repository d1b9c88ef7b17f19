"""`Work`: what every service is given first. One transaction, one actor, at most one organisation."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from sqlalchemy.orm import Session

from ..errors import PulseError
from ..registry import Registry
from ..storage import guard

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Return the time; the clock of every process that does not test time itself."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: `kind` is user, key, task, command, provider or visitor.

    `address` is the network address, if any; `request_id` ties together what one request, command or run of a
    task did, in the action log, in the logs, and in the answer's header X-Request-ID.
    """

    kind: str
    name: str
    id: int | None = None
    address: str = ""
    request_id: str = ""


SYSTEM = Actor("task", "Connect Pulse")


@dataclass(slots=True)
class Work:
    """One unit of work. Services read and write through `session` and never commit it.

    `organisation` is the id of the tenant the session is bound to, None for platform work.
    """

    session: Session
    registry: Registry
    clock: Clock
    actor: Actor
    organisation: int | None = None
    wakes: list[tuple[str, int]] = field(default_factory=list)

    @property
    def organisation_id(self) -> int:
        """The organisation this work is for; raises where none is set, because the caller needs one."""
        if self.organisation is None:
            raise PulseError("Choose an organisation first.")
        return self.organisation

    def wake(self, task: str, subject_id: int) -> None:
        """Ask for `task` to be woken with `subject_id` once this work is committed."""
        self.wakes.append((task, subject_id))


@contextmanager
def entered(work: Work, organisation_id: int) -> Iterator[Work]:
    """Let work of the platform be that of one organisation inside the block, in the same transaction."""
    before = work.organisation
    work.organisation = organisation_id
    try:
        with guard.tenant_scope(work.session, organisation_id):
            yield work
    finally:
        work.organisation = before


class Opener(Protocol):
    """Opens a unit of work: commits at the end of the block, rolls back if it raises."""

    def __call__(self, actor: Actor, organisation: int | None = None) -> AbstractContextManager[Work]: ...
