"""A house that sends to the simulated Cloud API on another thread, and hears its webhooks."""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from aiohttp import web
from connectpulse_whatsapp.simulator.options import NUMBER, Options
from connectpulse_whatsapp.simulator.server import CloudApi
from flask.testing import FlaskClient
from sqlalchemy import select
from whatsapp_scene import TEMPLATE, serving

from connectpulse.app import create_app
from connectpulse.core.domain.message import MessageState
from connectpulse.core.services import (
    callbacks,
    campaigns,
    connections,
    consents,
    contacts,
    counters,
    jobs,
    quotes,
    records,
    recovery,
    senders,
    templates,
)
from connectpulse.core.services.campaigns import Draft
from connectpulse.core.services.desk import ServiceDesk
from connectpulse.core.storage import guard
from connectpulse.core.storage.models import ContactList, Message
from connectpulse.core.wire import egress
from connectpulse.core.wire.wire import Wire
from connectpulse.house import House
from connectpulse.testing.factories import ADMINISTRATOR as AMINA

T = TypeVar("T")


class Network:
    """The simulator and a callback address in a loop of their own, as they are on other machines."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._ended = asyncio.Event()
        self.door: Callable[[web.Request, bytes], int] | None = None

    def do(self, work: Awaitable[T]) -> T:
        async def awaited() -> T:
            return await work

        return asyncio.run_coroutine_threadsafe(awaited(), self._loop).result(20)

    def start(self) -> None:
        self._thread.start()
        ready: asyncio.Future[None] = self.do(self._future())
        self._life = asyncio.run_coroutine_threadsafe(self._live(ready), self._loop)
        self.do(ready)

    async def _future(self) -> "asyncio.Future[None]":
        return self._loop.create_future()

    async def _live(self, ready: "asyncio.Future[None]") -> None:
        async with CloudApi(self._options) as self.api, serving(self._take) as self.url:
            ready.set_result(None)
            await self._ended.wait()

    async def _take(self, request: web.Request) -> web.Response:
        body = await request.read()
        assert self.door is not None
        status, word = await asyncio.to_thread(self.door, request, body)
        return web.Response(status=status, text=word)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._ended.set)
        self._life.result(20)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class Site:
    """A house with a connection to the simulator, and a campaign's parts."""

    def __init__(self, house: House, organisation: int, network: Network) -> None:
        self.house, self.organisation, self.network = house, organisation, network
        self.client: FlaskClient = create_app(house).test_client()
        with house.work(AMINA) as work:
            made = connections.create(work, "Meta", "whatsapp_cloud", network.api.settings, is_trial=True)
            connections.create_route(work, made.id)
            self.connection, self.path = made.id, connections.callback_path(made)
        network.door = self._knock
        assert network.do(network.api.webhooks.handshake(network.url))

    def _knock(self, request: web.Request, body: bytes) -> tuple[int, str]:
        answer = self.client.open(
            f"{self.path}?{request.query_string}", method=request.method, data=body, headers=dict(request.headers)
        )
        return answer.status_code, answer.text

    def campaign(self, people: Sequence[str], template_id: int | None = None, **content: Any) -> int:
        """Make, quote and launch a campaign to people who agreed to it; return its id.

        Its template is the one given, else one of `content` that is approved already.
        """
        with self.house.work(AMINA, self.organisation) as work:
            everybody = records.create(work, ContactList(name="All"), "list.created")
            for person in people:
                contacts.create(work, contacts.Person("Zara Khan", [("whatsapp", person)], {}), [everybody.id])
                consents.give(work, "whatsapp", person, "whatsapp", "promotional", "form of 2026-11-01")
            template_id = template_id or templates.create(work, "Sale", "whatsapp", {**TEMPLATE, **content}).id
            version = templates.current(work, template_id)
            if version.approval == "pending":
                templates.record_approval(work, version.id, "approved", "594425479261596")
            sender = senders.create(work, "whatsapp", "number", NUMBER, purposes=["promotional"])
            draft = Draft("Spring", "whatsapp", "promotional", template_id, sender.id, [everybody.id])
            campaign_id = campaigns.create(work, draft).id
            quotes.request(work, campaign_id)
        self.run_jobs()
        with self.house.work(AMINA, self.organisation) as work:
            quote = quotes.latest(work, campaign_id)
            assert quote is not None
            campaigns.launch(work, campaign_id, quote.id)
        self.run_jobs()
        return campaign_id

    def run_jobs(self) -> None:
        with self.house.work(AMINA) as work:
            due = jobs.due(work)
        for job_id in due:
            jobs.run(self.house.work, job_id, "test-worker")

    def hand_over(self) -> None:
        """Let a wire hand over what is due."""
        wire = Wire(ServiceDesk(self.house.work, "test", self.house.settings.public_url))
        wire.start()
        try:
            self.wait(lambda: not any(state < MessageState.UNKNOWN for state in self.states().values()))
        finally:
            wire.stop()

    def hear(self) -> None:
        """Work off what the network has to tell, until it has nothing left, and match what was early or lost."""
        self.wait(lambda: not self.network.api.webhooks.waiting)
        callbacks.drain(self.house.work, self.connection)
        with self.house.work(AMINA) as work, guard.platform_scope(work.session, "test"):
            while recovery.orphans(work):
                pass

    def wait(self, is_done: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 20
        while not is_done():
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def states(self) -> dict[str, MessageState]:
        """Return the states of messages by the last two digits of their numbers."""
        with self.house.work(AMINA, self.organisation) as work:
            rows = work.session.execute(select(Message.address, Message.state).order_by(Message.id))
            return {address[-2:]: MessageState(state) for address, state in rows}

    def figures(self, campaign_id: int) -> dict[str, int]:
        with self.house.work(AMINA, self.organisation) as work:
            found = counters.read(work, [campaign_id])[campaign_id]
        return {name: int(amount) for name, amount in found.items() if amount and name.startswith("state:")}

    def rows(self, model: Any) -> list[Any]:
        with self.house.work(AMINA, self.organisation) as work:
            return list(work.session.scalars(select(model).order_by(model.id)))


@contextmanager
def opener(house: House, organisation: int) -> Iterator[Callable[..., Site]]:
    """Yield what opens a site whose simulator behaves as its options say."""
    started: list[Network] = []

    def make(**options: Any) -> Site:
        network = Network(Options(**options))
        network.start()
        started.append(network)
        return Site(house, organisation, network)

    egress.allow("127.0.0.0/8")
    yield make
    egress.allow()
    for network in started:
        network.stop()


def people(*digits: int) -> list[str]:
    """Return numbers that end in these digits."""
    return [f"+9232176543{each:02d}" for each in digits]
