"""Work in the background: a job on one subject, and a duty that comes round."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..services.work import Opener, Work


@dataclass(frozen=True, slots=True)
class Job:
    """A piece of work on one subject that survives a kill. It is submitted by name, with the subject's id.

    Either `step` does some of it in one transaction, or `call` opens units of work by itself and may wait for
    others in between, for half a minute at most. Both return True while there is more, and may be repeated.
    `before` fetches from stores what a step needs, while no session is open: its result is the step's third argument.
    An error is tried again a few times, one that was raised on purpose is not; then `give_up` tells the subject why.
    """

    name: str
    step: "Callable[..., bool] | None" = None
    give_up: "Callable[[Work, int, str], None] | None" = None
    call: "Callable[[Opener, int], bool] | None" = None
    before: "Callable[[Opener, int], Any] | None" = None


@dataclass(frozen=True, slots=True)
class Duty:
    """What must be done every so often, somewhere, by one worker at a time.

    As with a job, either `step` in one transaction on the platform, or `call`; True means that there is more.
    `title` is what the System page calls it.
    """

    name: str
    title: str
    every: timedelta
    step: "Callable[[Work], bool | None] | None" = None
    call: "Callable[[Opener], bool | None] | None" = None
