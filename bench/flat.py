"""What a message costs in small and large campaigns: many times the recipients should not change it."""

from collections.abc import Iterator, Mapping, Sequence

from connectpulse.core.domain.trial import Trial
from connectpulse.core.services.connections import Limits

from . import spent
from .end_to_end import WINDOW, send, serve
from .figure import Figure
from .line import PLAIN
from .scene import scene


def measure(sizes: Sequence[int], trial: Trial = PLAIN) -> Iterator[Figure]:
    """Yield microseconds a message, from launch to the last receipt, for campaigns of these sizes, small to large.

    `sending_at_...` leaves out what goes before the first submit: in a small campaign that is its whole expansion,
    in a large one almost nothing, because the two overlap. It explains the cost and is not it. `cpu_at_...` is what
    workers, web server and database spend on a message, however busy the machine is otherwise.

    All run in one database, the smallest first, so that the largest also carries what the others left.
    A first small campaign, not counted, warms the worker.

    Where messages last, as calls do, nobody can be reached: what is said takes as long in any campaign, and would
    hide everything else behind hours of it.
    """
    options, window = (("--undeliverable", "100"), trial.window) if trial.lasts else ((), WINDOW)
    with scene(*options, trial=trial) as stage:
        stage.connect(Limits(window=window, sessions=1))
        serve(stage, 1)
        first = 0
        smallest = sizes[0]
        costs: list[float] = []
        spendings: list[float] = []
        for recipients in (smallest, *sizes):
            list_id = stage.line.audience(recipients, first)
            first += recipients
            before = spent.of(stage)
            timing = send(stage, list_id, recipients, arrives=not trial.lasts)
            costs.append(timing.total * 1e6 / recipients)
            spendings.append(_ours(spent.between(before, spent.of(stage))) * 1e6 / recipients)
            if len(costs) > 1:
                yield Figure(
                    f"cost_at_{recipients}", costs[-1], "µs/message", f"at {smallest}", costs[1], most_ratio=1.2
                )
                yield Figure(
                    f"cpu_at_{recipients}", spendings[-1], "µs/message", f"at {smallest}", spendings[1], most_ratio=1.2
                )
                yield Figure(f"sending_at_{recipients}", timing.sending * 1e6 / recipients, "µs/message")


def _ours(costs: Mapping[str, float]) -> float:
    """Return the seconds of CPU of everything but the simulator."""
    return sum(seconds for process, seconds in costs.items() if process != "simulator")
