"""A batch over a window: so many letters at a time, and none sent in vain."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

from connectpulse.core.api import ErrorClass, Outcome, Rejected, Submission, TryLater, Unknown

from .requests import UNREACHABLE


def outlook(outcome: Outcome) -> TryLater | None:
    """Return what awaits the letters behind one with this outcome, None if they may fare better.

    A refused account, a throttle and a dead line are no letter's fault; trying the rest would be in vain.
    """
    match outcome:
        case Rejected(error=ErrorClass.CREDENTIAL):
            return TryLater(timedelta(), ErrorClass.CREDENTIAL, outcome.reason, outcome.code)
        case TryLater(error=ErrorClass.CREDENTIAL | ErrorClass.THROTTLE):
            return outcome
    return UNREACHABLE if outcome == UNREACHABLE else None


async def spread(
    batch: Sequence[Submission], window: int, handle: Callable[[Submission], Awaitable[Outcome]]
) -> list[Outcome]:
    """Handle a batch with at most `window` at a time; return the outcomes in its order.

    Once an outcome says that the rest would be in vain, letters not yet begun share its outlook.
    """
    outcomes: list[Outcome] = [Unknown()] * len(batch)
    queue = iter(enumerate(batch))
    stopped: Outcome | None = None

    async def work() -> None:
        nonlocal stopped
        for index, submission in queue:
            outcomes[index] = stopped or await handle(submission)
            stopped = stopped or outlook(outcomes[index])

    async with asyncio.TaskGroup() as group:
        for _ in range(min(window, len(batch))):
            group.create_task(work())
    return outcomes
