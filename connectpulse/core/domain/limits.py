"""What an organisation may use, as far as a plugin limits it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..services.work import Work


@dataclass(frozen=True, slots=True)
class Allowance:
    """What an organisation may use; None where nothing is limited.

    `channels` are names of channels; `users` counts members and open invitations; `api_per_minute` counts the
    requests of all its keys. `because` says why, for people: `Your plan is Starter.`
    """

    channels: frozenset[str] | None = None
    users: int | None = None
    api_per_minute: int | None = None
    because: str = ""


@dataclass(frozen=True, slots=True)
class Limit:
    """Says what organisations may use. `of` costs one statement at most, names the organisation in it, and runs as
    work of that organisation or of the platform; the API remembers its answer for some seconds."""

    name: str
    of: "Callable[[Work, int], Allowance]"
