"""`Work`: what every service is given first. One transaction, one actor, at most one organisation."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from ..registry import Registry


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: a user, a task, a command or a provider. `address` is the network address, if any."""

    kind: str
    name: str
    id: int | None = None
    address: str = ""


@dataclass(slots=True)
class Work:
    """One unit of work. Services read and write through `session` and never commit it.

    `organisation` is the id of the tenant the session is bound to, None for platform work.
    """

    session: "Session"
    registry: "Registry"
    clock: Callable[[], datetime]
    actor: Actor
    organisation: int | None = None
    wakes: list[tuple[str, int]] = field(default_factory=list)

    def wake(self, task: str, id: int) -> None:
        """Ask for `task` to be woken with `id` once this work is committed."""
        self.wakes.append((task, id))
