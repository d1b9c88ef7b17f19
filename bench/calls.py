"""Messages that last, like calls: how many one worker and two have under way at once, and what each costs in CPU."""

from collections.abc import Iterator
from threading import Event, Thread

from connectpulse.core.domain.trial import Trial
from connectpulse.core.services.connections import Limits

from . import spent
from .end_to_end import send, serve
from .figure import Figure
from .scene import Scene, scene

ALMOST = 0.9
"""Of a window: some calls ring or end at any moment."""


def measure(recipients: int, trial: Trial) -> Iterator[Figure]:
    """Yield the most that talk at once and the CPU of each, its share of everything that ran for a worker included."""
    for workers in (1, 2):
        with scene(trial=trial) as stage:
            stage.connect(Limits(window=trial.window, sessions=workers))
            serve(stage, workers)
            everybody = recipients * workers
            list_id = stage.line.audience(everybody)
            before = spent.of(stage)
            with _Watch(stage) as watch:
                seconds = send(stage, list_id, everybody).total
            costs = spent.between(before, spent.of(stage))
        name, least = f"calls_{workers}_worker" + "s" * (workers > 1), trial.window * workers
        yield Figure(f"{name}_at_once", watch.most, "calls", "those allowed", least, least_ratio=ALMOST)
        yield Figure(f"{name}_rate", everybody / seconds, "calls/s")
        for process, cost in costs.items():
            yield Figure(f"{name}_cpu_{process}", 1e3 * cost / everybody, "ms/call")


class _Watch:
    """Looks at the simulator while the context lasts; `most` calls were on the line at once."""

    def __init__(self, stage: Scene) -> None:
        self.most = 0
        self._stage = stage
        self._ended = Event()
        self._thread = Thread(target=self._look)

    def __enter__(self) -> "_Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._ended.wait(0.1):
            self.most = max(self.most, self._stage.simulator.record()["waiting"])
