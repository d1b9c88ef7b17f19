"""A house of its own for a trial: a fresh database that waits for the disk, the simulator, workers, an audience."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from connectpulse import house as houses
from connectpulse.core.domain.settings import fresh_secrets, from_mapping
from connectpulse.core.services.connections import Limits
from connectpulse.core.storage.embedded import EmbeddedServer
from connectpulse.house import House
from connectpulse.tasks import core as tasks
from connectpulse.tasks.queue import make_queue
from connectpulse.testing import factories
from connectpulse.testing.plugin import metering

from .line import SENDER, Line

WORKER = (sys.executable, "-m", "connectpulse.cli", "worker")


class Simulator:
    """The shipped SMSC as a process of its own, asked over its control endpoint."""

    def __init__(self, *options: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "connectpulse_sms.simulator", *options], stdout=subprocess.PIPE
        )
        assert self._process.stdout is not None
        ports = json.loads(self._process.stdout.readline())
        self.port: int = ports["smpp_port"]
        self._control = f"http://127.0.0.1:{ports['control_port']}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.communicate()

    def record(self) -> dict[str, Any]:
        """Return what it accepted; see `connectpulse_sms.simulator.record.Record.summary`."""
        found: dict[str, Any] = self._ask("record")
        return found

    def sent_to(self, number: str) -> list[dict[str, Any]]:
        """Return the messages it accepted for a number."""
        found: list[dict[str, Any]] = self._ask(f"record/{number}")
        return found

    def inbound(self, source: str, text: str) -> None:
        """Let a person write to us."""
        self._ask("inbound", {"from": source, "to": SENDER, "text": text})

    def reset(self) -> None:
        """Let it forget what it accepted."""
        self._ask("reset", {})

    def _ask(self, path: str, body: dict[str, Any] | None = None) -> Any:
        encoded = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self._control}/{path}", encoded, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)


@dataclass
class Scene:
    """The parts of a trial. `environment` is what its workers run with."""

    server: EmbeddedServer
    simulator: Simulator
    line: Line
    environment: dict[str, str]
    folder: Path
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start_worker(self) -> subprocess.Popen[bytes]:
        """Start one more worker process; its log goes to the scene's folder."""
        with (self.folder / "workers.log").open("ab") as log:
            worker = subprocess.Popen(
                WORKER, cwd=self.folder, env=os.environ | self.environment, stdout=log, stderr=log
            )
        self.workers.append(worker)
        return worker

    def stop_workers(self) -> None:
        """End every worker politely, and the ones that take too long the other way."""
        for worker in self.workers:
            worker.send_signal(signal.SIGTERM)
        for worker in self.workers:
            try:
                worker.wait(60)
            except subprocess.TimeoutExpired:
                worker.kill()
                worker.wait()
        self.workers.clear()

    @property
    def house(self) -> House:
        return self.line.house

    def connect(self, limits: Limits) -> int:
        """Set up the connection to the simulator and a route over it; return its id."""
        return self.line.connect(
            limits, host="127.0.0.1", port=self.simulator.port, system_id="pulse", password="pulse"
        )


@contextmanager
def scene(*simulator_options: str, is_metered: bool = False) -> Iterator[Scene]:
    """Build a scene in a folder that is gone afterwards; ends every process it started.

    Plugins that meter are muted unless `is_metered`; its organisation then has what a trial needs.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pulse-trial-")))
        server = EmbeddedServer(folder / "postgres")
        stack.callback(server.stop, "immediate")
        environment = fresh_secrets() | {"DATABASE_URL": server.ensure_running(), "LOG_LEVEL": "info"}
        environment["MUTED_PLUGINS"] = "" if is_metered else ",".join(sorted(metering()))
        house = houses.build(from_mapping(environment), pool_size=5)
        stack.callback(house.close)
        house.upgrade()
        simulator = stack.enter_context(Simulator(*simulator_options))
        made = Scene(server, simulator, Line(house, factories.organisation(house)), environment, folder)
        stack.callback(made.stop_workers)
        queue = make_queue(house.settings, environment["DATABASE_URL"])
        stack.callback(queue.close)
        tasks.register(queue, house, "trial", lambda: False)  # so that what is committed here wakes the workers
        yield made
