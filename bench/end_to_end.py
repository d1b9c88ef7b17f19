"""Messages per second from launch to the last receipt applied, everything recorded, over wire and database alone.

Beside them stands what a message costs in CPU, process by process: wall clocks of a busy machine say little.
"""

from collections.abc import Iterator
from typing import NamedTuple

from sqlalchemy import text

from connectpulse.core.domain.trial import Trial
from connectpulse.core.services.connections import Limits
from connectpulse.testing.factories import ADMINISTRATOR

from . import bare_wire, floor, spent
from .figure import Figure
from .line import PLAIN, wait_until
from .scene import Scene, scene

WINDOW = 1000
PATIENCE = 900.0
SLOWEST = 50
"""Messages a second that are waited for where a campaign is large."""
RATE = 15_000
"""Text messages a second that are aimed at, on two cores with everything on one machine."""
RATE_OF_OTHERS = 5_000
"""The same, with a worker per core, for channels whose wire costs more: a request or a letter for each message."""


class Timing(NamedTuple):
    """Seconds from launch to the last receipt, and from the first recorded submit to it."""

    total: float
    sending: float


def measure(recipients: int, trial: Trial = PLAIN) -> Iterator[Figure]:
    """Yield the rates of one and two workers over the database floor, over the bare wire where that is known."""
    is_plain = trial is PLAIN
    wire = bare_wire.measure(recipients, WINDOW)["complete_per_second"] if is_plain else None
    least, window = (RATE, WINDOW) if is_plain else (RATE_OF_OTHERS, trial.window)
    bottom = 0.0
    for workers in (1, 2):
        with scene(trial=trial) as stage:
            stage.connect(Limits(window=window, sessions=workers))
            serve(stage, workers)
            list_id = stage.line.audience(recipients)
            before = spent.of(stage)
            rate = recipients / send(stage, list_id, recipients).total
            costs = spent.between(before, spent.of(stage))
            stage.stop_workers()
            bottom = bottom or floor.measure(stage, recipients)
        name = f"end_to_end_{workers}_worker" + "s" * (workers > 1)
        if wire is not None:
            yield Figure(f"{name}_over_wire", rate, "messages/s", "the bare wire", wire)
        yield Figure(
            f"{name}_over_floor", rate, "messages/s", "the database floor", bottom,
            least=least if is_plain or workers > 1 else None, least_ratio=0.5 if is_plain else None,
        )  # fmt: skip
        for process, seconds in costs.items():
            yield Figure(f"{name}_cpu_{process}", 1e6 * seconds / recipients, "µs/message")


def serve(stage: Scene, workers: int) -> None:
    """Start workers and return when each holds a session."""
    for _ in range(workers):
        stage.start_worker()

    def all_are_connected() -> bool:
        with stage.house.work(ADMINISTRATOR) as work:
            held = work.session.scalar(text("SELECT count(*) FROM pulse_connection_slot WHERE state = 'connected'"))
        return bool(held == workers)

    wait_until(all_are_connected, 60)


def send(stage: Scene, list_id: int, recipients: int, *, arrives: bool = True) -> Timing:
    """Send one campaign to a list; fail unless the simulator and the database agree that all went through once.

    `arrives` is False where the simulator takes nobody's message: then all of them must come to that end.
    """
    ends = ("delivered", "read") if stage.line.trial.reports_delivery else ("accepted", "sent")
    ends = ends if arrives else ("undeliverable",)
    stage.simulator.reset()
    campaign_id, quote_id = stage.line.campaign(list_id)
    stage.line.launch(campaign_id, quote_id)

    def every_receipt_is_in() -> bool:
        figures = stage.line.figures(campaign_id)
        return sum(figures.get(f"state:{state}", 0) for state in ends) == recipients

    wait_until(every_receipt_is_in, max(PATIENCE, recipients / SLOWEST), 0.25)
    record = stage.simulator.record()
    if record["messages"] != recipients or record["duplicates"]:
        raise RuntimeError(f"The simulator's record does not agree with what was sent: {record}.")
    with stage.house.work(ADMINISTRATOR) as work:
        row = work.session.execute(
            text(
                "SELECT extract(epoch FROM max(m.changed_at) - min(c.launched_at)), "
                "extract(epoch FROM max(m.changed_at) - min(m.submitted_at)) "
                "FROM pulse_message m JOIN pulse_campaign c ON c.id = m.campaign_id WHERE c.id = :id"
            ),
            {"id": campaign_id},
        ).one()
    return Timing(float(row[0]), float(row[1]))
