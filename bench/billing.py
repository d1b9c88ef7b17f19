"""What billing costs: a campaign from launch to the last receipt with the ledger on, over the same with it muted."""

import time
from collections.abc import Iterator
from decimal import Decimal
from threading import Thread

from connectpulse.core.domain.contracts import Movement, Purpose, Tariff
from connectpulse.core.domain.message import MessageState
from connectpulse.core.services import counters
from connectpulse.core.services.connections import Limits
from connectpulse.testing.factories import ADMINISTRATOR

from .end_to_end import WINDOW, send, serve
from .figure import Figure
from .scene import Scene, scene

WORKERS = 2
ROUNDS = 3
THREADS, BATCHES = 4, 300
_BATCH = 500
LEAST = 0.9
"""At most a tenth may be lost."""


def measure(recipients: int) -> Iterator[Figure]:
    """Yield the rate with billing beside the one without: the best of a few rounds that take turns."""
    yield from settling()
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


def settling() -> Iterator[Figure]:
    """Yield how many batches of one organisation settle a second by appending, beside taking the account each time.

    Each batch writes figures beside the ledger before it commits, as receipts do.
    """
    with scene(is_metered=True) as stage:
        appended = max(_batches(stage, is_held=False) for _ in range(ROUNDS))
        held = max(_batches(stage, is_held=True) for _ in range(ROUNDS))
    yield Figure("billing_settled_batches", appended, "batches/s", "taking the account's row", held, least_ratio=1.0)


def _batches(stage: Scene, *, is_held: bool) -> float:
    organisation = stage.line.organisation
    with stage.house.work(ADMINISTRATOR, organisation) as work:
        tariff = Tariff(organisation, "sms", Purpose.PROMOTIONAL, "MEHR")
        work.registry.ledger.reserve(work, tariff, None, Decimal(_BATCH * THREADS * BATCHES))
    moved = Movement(
        organisation, None, "sms", MessageState.ACCEPTED, MessageState.DELIVERED, _BATCH, Decimal(_BATCH), _BATCH
    )

    def settle() -> None:
        for _ in range(BATCHES):
            with stage.house.work(ADMINISTRATOR) as work:
                if is_held:
                    work.registry.ledger.hold(work, organisation)
                work.registry.ledger.settle(work, [moved])
                for name in ("state:accepted", "state:delivered"):
                    counters.add(work, {(organisation, 0, name): _BATCH})

    threads = [Thread(target=settle) for _ in range(THREADS)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return THREADS * BATCHES / (time.perf_counter() - began)
