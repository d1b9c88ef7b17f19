"""A house of its own for a trial: a fresh database that waits for the disk, the simulator, workers, an audience."""

import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from connectpulse import house as houses
from connectpulse.core.domain.settings import from_mapping, fresh_secrets
from connectpulse.core.services import campaigns, connections, counters, imports, jobs, quotes, records, senders
from connectpulse.core.services import templates
from connectpulse.core.services.campaigns import Draft
from connectpulse.core.services.connections import Limits
from connectpulse.core.storage.embedded import EmbeddedServer
from connectpulse.core.storage.models import Campaign, Import
from connectpulse.house import House
from connectpulse.tasks import core as tasks
from connectpulse.tasks.queue import make_queue
from connectpulse.testing import factories
from connectpulse.testing.factories import ADMINISTRATOR

TEXT = "Dear {{ name }}, your order was sent today and will reach you by Friday. Thank you!"
SENDER = "ACME"
FIRST_NUMBER = 3_000_000_000
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
        self._process.wait()

    def record(self) -> dict[str, Any]:
        """Return what it accepted; see `connectpulse_sms.simulator.record.Record.summary`."""
        return self._ask("record")

    def times_sent(self, number: str) -> int:
        """Return how many messages it accepted for a number."""
        return len(self._ask(f"record/{number}"))

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
    house: House
    simulator: Simulator
    environment: dict[str, str]
    folder: Path
    organisation: int
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

    def audience(self, count: int, first: int = FIRST_NUMBER) -> int:
        """Import `count` people with numbers from `first` on; return the list they are on."""
        with self.house.work(ADMINISTRATOR, self.organisation) as work:
            given = imports.upload(work, "people.csv", io.BytesIO(people(count, first)))
            given = imports.start(work, given.id, ["name", "address:phone"], new_list=f"{count} from {first}")
            list_id = given.list_id
            import_id = given.id
        self.run_jobs()
        with self.house.work(ADMINISTRATOR, self.organisation) as work:
            done = records.find(work, Import, import_id)
            if done.state != "finished" or done.created != count:
                raise RuntimeError(f"The import ended {done.state} with {done.created} people. {done.reason}")
        assert list_id is not None
        return list_id

    def connect(self, limits: Limits, **settings: Any) -> int:
        """Set up the connection to the simulator and a route over it; return its id."""
        account = {"host": "127.0.0.1", "port": self.simulator.port, "system_id": "pulse", "password": "pulse"}
        with self.house.work(ADMINISTRATOR) as work:
            made = connections.create(work, "Simulator", "smpp", account | settings, limits)
            connections.create_route(work, made.id)
            return made.id

    def campaign(self, list_id: int, name: str = "Trial", **options: Any) -> tuple[int, int]:
        """Draft and quote a campaign to a list; return its id and its quote's."""
        with self.house.work(ADMINISTRATOR, self.organisation) as work:
            template = templates.create(work, f"{name} {list_id}", "sms", {"body": TEXT})
            sender = next(iter(senders.usable(work, "sms")), None) or senders.create(
                work, "sms", "alphanumeric", SENDER, purposes=["transactional"]
            )
            draft = Draft(name, "sms", "transactional", template.id, sender.id, [list_id], **options)
            campaign_id = campaigns.create(work, draft).id
        with self.house.work(ADMINISTRATOR, self.organisation) as work:
            quotes.request(work, campaign_id)
        self.run_jobs()
        with self.house.work(ADMINISTRATOR, self.organisation) as work:
            quote = quotes.latest(work, campaign_id)
            if quote is None or quote.state != "ready":
                raise RuntimeError("The quote was not made.")
            return campaign_id, quote.id

    def launch(self, campaign_id: int, quote_id: int) -> None:
        """Launch a quoted campaign and wake the workers for it."""
        with self.house.work(ADMINISTRATOR, self.organisation) as work:
            campaigns.launch(work, campaign_id, quote_id)

    def run_jobs(self) -> None:
        """Do the durable work that is due here and now."""
        while True:
            with self.house.work(ADMINISTRATOR) as work:
                due = jobs.due(work)
            if not due:
                return
            for job_id in due:
                jobs.run(self.house.work, job_id, "trial")

    def figures(self, campaign_id: int) -> dict[str, int]:
        """Return a campaign's figures that are not zero."""
        with self.house.work(ADMINISTRATOR, self.organisation) as work:
            found = counters.read(work, [campaign_id])[campaign_id]
        return {name: int(amount) for name, amount in found.items() if amount}

    def state(self, campaign_id: int) -> str:
        """Return the state of a campaign."""
        with self.house.work(ADMINISTRATOR, self.organisation) as work:
            return records.find(work, Campaign, campaign_id).state

    def wake_workers(self) -> None:
        """Let what this house commits wake the workers at once, as the web does."""
        url = self.house.engine.url.render_as_string(hide_password=False)
        tasks.register(make_queue(self.house.settings, url), self.house, "trial", lambda: False)


@contextmanager
def scene(*simulator_options: str) -> Iterator[Scene]:
    """Build a scene in a folder that is gone afterwards; ends every process it started."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pulse-trial-")))
        server = EmbeddedServer(folder / "postgres")
        stack.callback(server.stop, "immediate")
        environment = fresh_secrets() | {"DATABASE_URL": server.ensure_running(), "LOG_LEVEL": "info"}
        house = houses.build(from_mapping(environment), pool_size=5)
        stack.callback(house.close)
        house.upgrade()
        simulator = stack.enter_context(Simulator(*simulator_options))
        made = Scene(server, house, simulator, environment, folder, factories.organisation(house))
        stack.callback(made.stop_workers)
        made.wake_workers()
        yield made


def people(count: int, first: int = FIRST_NUMBER) -> bytes:
    """Return a CSV file of `count` people with Pakistani numbers from `first` on."""
    lines = [f"Person {number},+92{number}" for number in range(first, first + count)]
    return ("name,phone\n" + "\n".join(lines) + "\n").encode()


def wait_until(condition: Any, seconds: float, every: float = 0.1) -> None:
    """Return when `condition()` is true; raise TimeoutError saying so after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{getattr(condition, '__name__', 'it')} did not come true within {seconds:g} seconds.")
        time.sleep(every)
