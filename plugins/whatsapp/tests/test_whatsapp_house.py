"""Campaigns on WhatsApp through the whole house: over the wire, to the simulator, and back by signed webhooks."""

import asyncio
import base64
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any, TypeVar

import pytest
from aiohttp import web
from connectpulse_whatsapp.channel import WhatsAppChannel
from connectpulse_whatsapp.simulator.options import NUMBER, Options
from connectpulse_whatsapp.simulator.server import CloudApi
from flask.testing import FlaskClient
from sqlalchemy import select, text
from whatsapp_scene import TEMPLATE, no_intake, serving

from connectpulse.app import create_app
from connectpulse.core.api import NotFound, Refused, files
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
from connectpulse.core.services.rights import intake, proof
from connectpulse.core.storage import guard
from connectpulse.core.storage.models import ContactList, InboundMessage, Message, Suppression
from connectpulse.core.wire import egress
from connectpulse.core.wire.wire import Wire
from connectpulse.house import House
from connectpulse.testing.factories import ADMINISTRATOR as AMINA

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
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
            self.connection, self._path = made.id, connections.callback_path(made)
        network.door = self._knock
        assert network.do(network.api.webhooks.handshake(network.url))

    def _knock(self, request: web.Request, body: bytes) -> tuple[int, str]:
        answer = self.client.open(
            f"{self._path}?{request.query_string}", method=request.method, data=body, headers=dict(request.headers)
        )
        return answer.status_code, answer.text

    def campaign(self, people: Sequence[str], **content: Any) -> int:
        """Make, quote and launch a campaign to people who agreed to it; return its id."""
        with self.house.work(AMINA, self.organisation) as work:
            everybody = records.create(work, ContactList(name="All"), "list.created")
            for person in people:
                contacts.create(work, contacts.Person("Zara Khan", [("whatsapp", person)], {}), [everybody.id])
                consents.give(work, "whatsapp", person, "whatsapp", "promotional", "form of 2026-11-01")
            template = templates.create(work, "Sale", "whatsapp", {**TEMPLATE, **content})
            version = templates.current(work, template.id)
            if version.approval == "pending":
                templates.record_approval(work, version.id, "approved", "594425479261596")
            sender = senders.create(work, "whatsapp", "number", NUMBER, purposes=["promotional"])
            draft = Draft("Spring", "whatsapp", "promotional", template.id, sender.id, [everybody.id])
            campaign_id = campaigns.create(work, draft).id
            quotes.request(work, campaign_id)
        self._run_jobs()
        with self.house.work(AMINA, self.organisation) as work:
            quote = quotes.latest(work, campaign_id)
            assert quote is not None
            campaigns.launch(work, campaign_id, quote.id)
        self._run_jobs()
        return campaign_id

    def _run_jobs(self) -> None:
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


@pytest.fixture
def opening(house: House, organisation: int) -> Iterator[Callable[..., Site]]:
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
    return [f"+9232176543{each:02d}" for each in digits]


S = MessageState
FATES = {"01": S.DELIVERED, "02": S.READ, "91": S.UNDELIVERABLE, "93": S.UNDELIVERABLE, "94": S.UNDELIVERABLE,
         "95": S.REJECTED, "96": S.READ, "98": S.ACCEPTED, "99": S.SENT}  # fmt: skip


@pytest.mark.parametrize(
    "trouble",
    [{}, {"is_early": True}, {"is_shuffled": True, "is_duplicated": True, "batch": 3}, {"batch": 1, "callers": 1}],
    ids=str,
)
def test_a_campaign_ends_alike_however_it_is_told(opening: Callable[..., Site], trouble: dict[str, Any]) -> None:
    site = opening(**trouble)
    campaign_id = site.campaign(people(*map(int, FATES)))
    site.hand_over()
    site.hear()
    assert site.states() == FATES
    counted = Counter(f"state:{state.label}" for state in FATES.values())
    assert site.figures(campaign_id) == counted
    (stopped,) = site.rows(Suppression)
    assert (stopped.value[-2:], stopped.reason, stopped.purpose) == ("93", "opted_out", "promotional")
    billed = {each.address[-2:]: each.billed for each in site.rows(Message)}
    assert billed["01"] == billed["02"] == 1
    record = site.network.api.record.summary()
    assert (record["messages"], record["duplicates"]) == (7, 0)


def test_a_lost_answer_is_settled_by_the_token_in_its_webhooks(opening: Callable[..., Site]) -> None:
    site = opening(lose_every=1)
    site.campaign(people(1, 2, 91, 98))
    site.hand_over()
    assert set(site.states().values()) == {S.UNKNOWN}
    site.hear()
    assert site.states() == {"01": S.DELIVERED, "02": S.READ, "91": S.UNDELIVERABLE, "98": S.UNKNOWN}
    assert site.network.api.record.summary()["duplicates"] == 0, "nothing is sent again"


def test_what_a_killed_worker_sent_is_unknown_until_it_is_told(opening: Callable[..., Site]) -> None:
    site = opening()
    site.campaign(people(1, 2, 98))
    desk = ServiceDesk(site.house.work, "killed", "")
    (facts,) = desk.lines()
    batch = desk.hand(facts).turn(None, (), 10).batch
    assert batch is not None

    async def send() -> None:
        provider = facts.provider(facts.settings, no_intake)
        await provider.send_batch(batch.submissions)
        await provider.close()

    asyncio.run(send())
    site.hear()
    assert set(site.states().values()) == {S.QUEUED}, "whoever sent them may still tell how it went"
    with site.house.work(AMINA) as work, guard.platform_scope(work.session, "test"):
        work.session.execute(text("UPDATE pulse_dispatch SET lease_until = now() - interval '1 second'"))
        assert recovery.leases(work) == 1
    assert set(site.states().values()) == {S.UNKNOWN}
    site.hear()
    assert site.states() == {"01": S.DELIVERED, "02": S.READ, "98": S.UNKNOWN}
    site.hand_over()
    assert site.network.api.record.summary()["duplicates"] == 0


def test_a_pressed_button_stops_and_is_confirmed_within_the_day(opening: Callable[..., Site]) -> None:
    site = opening(callers=1)  # in the order they were written
    site.campaign(people(1))
    site.hand_over()
    (person,) = people(1)
    button = {"type": "button", "button": {"payload": "STOP", "text": "Stop these messages"}}
    site.network.api.control.write(person, "", **button)
    site.network.api.control.write(person, "When do you open?")
    site.hear()
    assert [(each.body, each.is_opt_out) for each in site.rows(InboundMessage)] == [
        ("STOP", True),
        ("When do you open?", False),
    ]
    site.hand_over()
    site.hear()
    told = site.rows(Message)
    assert told[-1].body == "You will receive no more messages from us."
    assert {S(each.state) for each in told} == {S.DELIVERED}
    assert b'"type":"text"' in site.network.api.record.messages[-1]


def test_the_file_of_a_header_goes_out_with_each_message(opening: Callable[..., Site]) -> None:
    site = opening()
    with site.house.work(AMINA, site.organisation) as work:
        file = files.keep(work, "sale.png", PNG, "image/png")
    site.campaign(people(1, 2, 4), header="image", header_file=file.id)
    site.hand_over()
    site.hear()
    assert site.states() == {"01": S.DELIVERED, "02": S.READ, "04": S.READ}
    (name,) = site.network.api.media.known
    assert site.network.api.record.uploads == 1
    assert all(f'"image":{{"id":"{name}"}}'.encode() in body for body in site.network.api.record.messages)


def test_a_header_shows_only_what_whatsapp_takes(opening: Callable[..., Site]) -> None:
    site = opening()
    with site.house.work(AMINA, site.organisation) as work:
        file = files.keep(work, "sale.png", PNG, "image/png")
        for header, sentence in (("video", "no video"), ("document", "no document")):
            with pytest.raises(Refused, match=sentence):
                WhatsAppChannel().share(work, NUMBER, {**TEMPLATE, "header": header, "header_file": file.id})
        with pytest.raises(NotFound):
            WhatsAppChannel().share(work, NUMBER, {**TEMPLATE, "header": "image", "header_file": file.id + 1})


def test_no_code_is_promised_that_whatsapp_would_not_deliver(opening: Callable[..., Site]) -> None:
    site = opening()
    with site.house.work(AMINA, site.organisation) as work:
        senders.create(work, "whatsapp", "number", NUMBER, purposes=["transactional"])
        contacts.create(work, contacts.Person("Zara Khan", [("whatsapp", people(1)[0])], {}), [])
    with site.house.work(AMINA) as work:
        request = intake.submit(work, intake.Asked("access", "whatsapp", people(1)[0]))
        assert not proof.send(work, request.id)
    assert site.rows(Message) == []


def test_forged_webhooks_change_nothing(opening: Callable[..., Site]) -> None:
    site = opening()
    site.campaign(people(1))
    site.hand_over()
    site.hear()
    body = b'{"object":"whatsapp_business_account","entry":[]}'
    for headers in ({}, {"X-Hub-Signature-256": "sha256=" + "0" * 64}):
        assert site.client.post(site._path, data=body, headers=headers).status_code == 403
    query = "hub.mode=subscribe&hub.challenge=1&hub.verify_token="
    assert site.client.get(f"{site._path}?{query}wrong").status_code == 403
    answer = site.client.get(f"{site._path}?{query}trial-verify-token")
    assert (answer.status_code, answer.text) == (200, "1")
