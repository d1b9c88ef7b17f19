"""What billing costs: a campaign from launch to the last receipt with the ledger on, over the same with it muted."""

from collections.abc import Iterator

from connectpulse.core.services.connections import Limits

from .end_to_end import WINDOW, send, serve
from .figure import Figure
from .scene import scene

WORKERS = 2
ROUNDS = 3
LEAST = 0.9
"""At most a tenth may be lost."""


def measure(recipients: int) -> Iterator[Figure]:
    """Yield the rate with billing beside the one without: the best of a few rounds that take turns."""
    best = {False: 0.0, True: 0.0}
    for _ in range(ROUNDS):
        for is_metered in (False, True):
            best[is_metered] = max(best[is_metered], _rate(recipients, is_metered=is_metered))
    yield Figure("billing_end_to_end", best[True], "messages/s", "the same without billing", best[False],
                 least_ratio=LEAST)  # fmt: skip


def _rate(recipients: int, *, is_metered: bool) -> float:
    with scene(is_metered=is_metered) as stage:
        stage.connect(Limits(window=WINDOW, sessions=WORKERS))
        serve(stage, WORKERS)
        return recipients / send(stage, stage.line.audience(recipients), recipients).total
