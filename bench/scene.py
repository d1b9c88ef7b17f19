"""A house of its own for a trial: a fresh database that waits for the disk, the simulator, workers, an audience."""

import os
import signal
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from connectpulse import house as houses
from connectpulse.core.domain.settings import fresh_secrets, from_mapping
from connectpulse.core.domain.trial import Trial
from connectpulse.core.services import connections, records
from connectpulse.core.services.connections import Limits
from connectpulse.core.storage.embedded import EmbeddedServer, free_port
from connectpulse.core.storage.models import Connection
from connectpulse.house import House
from connectpulse.tasks import core as tasks
from connectpulse.tasks.queue import make_queue
from connectpulse.testing import factories
from connectpulse.testing.factories import ADMINISTRATOR
from connectpulse.testing.plugin import metering
from connectpulse.testing.simulator import Simulator

from .line import PLAIN, Line, wait_until

WORKER = (sys.executable, "-m", "connectpulse.cli", "worker")
WEB = (sys.executable, "-m", "connectpulse.cli", "web")


@dataclass
class Scene:
    """The parts of a trial. `environment` is what its workers run with."""

    server: EmbeddedServer
    simulator: Simulator
    line: Line
    environment: dict[str, str]
    folder: Path
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)
    web: subprocess.Popen[bytes] | None = None

    def start_worker(self) -> subprocess.Popen[bytes]:
        """Start one more worker process; its log goes to the scene's folder."""
        worker = self._start(WORKER, "workers.log")
        self.workers.append(worker)
        return worker

    def serve(self) -> None:
        """Start the web server, which lives as long as the scene, and wait until it answers."""
        self.web = self._start(WEB, "web.log")

        def it_answers() -> bool:
            with suppress(OSError), urllib.request.urlopen(f"{self.house.settings.public_url}/healthz", timeout=5):
                return True
            return False

        wait_until(it_answers, 60)

    def _start(self, command: tuple[str, ...], name: str) -> subprocess.Popen[bytes]:
        with (self.folder / name).open("ab") as log:
            return subprocess.Popen(command, cwd=self.folder, env=os.environ | self.environment, stdout=log, stderr=log)

    def stop(self) -> None:
        """End the workers and the web server."""
        self.stop_workers()
        if self.web is not None:
            self.web.terminate()
            self.web.wait(60)

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
        connection_id = self.line.connect(limits, **self.simulator.settings())
        if self.line.trial.calls_back:
            with self.house.work(ADMINISTRATOR) as work:
                connection = records.find(work, Connection, connection_id)
                self.simulator.call_back(self.house.settings.public_url + connections.callback_path(connection))
        return connection_id


@contextmanager
def scene(*simulator_options: str, is_metered: bool = False, trial: Trial = PLAIN) -> Iterator[Scene]:
    """Build a scene in a folder that is gone afterwards; ends every process it started.

    A web server takes in what the simulator of a trial calls back with. Plugins that meter are muted unless
    `is_metered`; its organisation then has what a trial needs.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pulse-trial-")))
        server = EmbeddedServer(folder / "postgres")
        stack.callback(server.stop, "immediate")
        port = free_port()
        environment = fresh_secrets() | {"DATABASE_URL": server.ensure_running(), "LOG_LEVEL": "info"}
        environment |= {"WEB_PORT": str(port), "PUBLIC_URL": f"http://127.0.0.1:{port}", "EGRESS_ALLOW": "127.0.0.1"}
        environment["MUTED_PLUGINS"] = "" if is_metered else ",".join(sorted(metering()))
        house = houses.build(from_mapping(environment), pool_size=5)
        stack.callback(house.close)
        house.upgrade()
        simulator = stack.enter_context(Simulator(trial, *simulator_options))
        made = Scene(server, simulator, Line(house, factories.organisation(house), trial), environment, folder)
        stack.callback(made.stop)
        if trial.calls_back:
            made.serve()
        queue = make_queue(house.settings, environment["DATABASE_URL"])
        stack.callback(queue.close)
        tasks.register(queue, house, "trial", lambda: False)  # so that what is committed here wakes the workers
        yield made
