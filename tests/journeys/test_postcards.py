"""The whole line with a channel core has never heard of: quote, launch, hand over, receipts, the end."""

import time
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import select, text

from connectpulse.core.domain.message import MessageState
from connectpulse.core.domain.provider import Inbound
from connectpulse.core.errors import Refused
from connectpulse.core.services import (
    campaigns,
    connections,
    contacts,
    counters,
    jobs,
    quotes,
    records,
    recovery,
    senders,
    suppressions,
    templates,
)
from connectpulse.core.services.campaigns import Draft
from connectpulse.core.services.desk import ServiceDesk
from connectpulse.core.storage import guard
from connectpulse.core.storage.models import Campaign, Dispatch, InboundMessage, Message, Quote, Suppression
from connectpulse.core.wire.wire import Wire
from connectpulse.house import House
from connectpulse.testing import factories
from connectpulse.testing.factories import ADMINISTRATOR
from tests.plugins import postcard

pytestmark = pytest.mark.slow


@pytest.fixture
def house(post_house: House) -> House:
    return post_house


@pytest.fixture
def wire(house: House) -> Iterator[Wire]:
    made = Wire(ServiceDesk(house.work, "test-worker", "http://127.0.0.1"))
    yield made
    if made._thread.is_alive():
        made.stop()


def prepare(house: House, organisation: int, addresses: list[str], **options: object) -> int:
    """Set up a connection, a route and a campaign to `addresses`; return the campaign's id."""
    settings = {"city": "Lahore"} | options.pop("settings", {})  # type: ignore[operator]
    window = int(options.pop("window", 8))  # type: ignore[call-overload]
    with house.work(ADMINISTRATOR) as work:
        connection = connections.create(
            work, "Post", "post", settings, connections.Limits(window=window), is_trial=True
        )
        connections.create_route(work, connection.id)
    with house.work(ADMINISTRATOR, organisation) as work:
        made = records.create(work, factories.ContactList(name="All"), "list.created")
        for address in addresses:
            contacts.create(work, contacts.Person(address, [("email", address)], {}), [made.id])
        template = templates.create(work, "Hello", "postcard", {"body": "Dear {{ first_name }}"})
        sender = senders.create(work, "postcard", "name", "Amina", purposes=["promotional"])
        draft = Draft("Spring", "postcard", "promotional", template.id, sender.id, [made.id], **options)  # type: ignore[arg-type]
        return campaigns.create(work, draft).id


def run_jobs(house: House) -> None:
    """Do the durable work a worker's queue would be woken for."""
    while True:
        with house.work(ADMINISTRATOR) as work:
            due = jobs.due(work)
        if not due:
            return
        for job_id in due:
            jobs.run(house.work, job_id, "test-worker")


def launch(house: House, organisation: int, campaign_id: int) -> Quote:
    with house.work(ADMINISTRATOR, organisation) as work:
        quotes.request(work, campaign_id)
    run_jobs(house)
    with house.work(ADMINISTRATOR, organisation) as work:
        quote = quotes.latest(work, campaign_id)
        assert quote is not None
        campaigns.launch(work, campaign_id, quote.id)
    run_jobs(house)
    return quote


def until(condition: Callable[[], bool], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass in time"
        time.sleep(0.02)


def states(house: House, organisation: int) -> dict[str, str]:
    with house.work(ADMINISTRATOR, organisation) as work:
        rows = work.session.execute(select(Message.address, Message.state))
        return {address: MessageState(state).label for address, state in rows}


def campaign_state(house: House, organisation: int, campaign_id: int) -> str:
    with house.work(ADMINISTRATOR, organisation) as work:
        return records.find(work, Campaign, campaign_id).state


def figures(house: House, organisation: int, campaign_id: int) -> dict[str, int]:
    with house.work(ADMINISTRATOR, organisation) as work:
        return {name: int(amount) for name, amount in counters.read(work, [campaign_id])[campaign_id].items() if amount}


def test_from_quote_to_receipt(house: House, organisation: int, wire: Wire) -> None:
    people = [f"p{n}@example.com" for n in range(50)]
    campaign_id = prepare(house, organisation, people)
    with house.work(ADMINISTRATOR, organisation) as work:
        suppressions.add(work, "email", "p3@example.com", reason="opted_out", source="test")
    quote = launch(house, organisation, campaign_id)
    assert (quote.audience, quote.recipients, quote.skipped) == (50, 49, {"opted_out": 1})
    wire.start()
    until(lambda: campaign_state(house, organisation, campaign_id) == "finished")
    assert len(postcard.SENT) == 49
    assert {each.body for each in postcard.SENT} == {f"Dear {person}" for person in people if person != people[3]}
    desk = ServiceDesk(house.work, "test-worker", "")
    desk.take_in(1, [postcard.arrived(each.message_id) for each in postcard.SENT])
    assert figures(house, organisation, campaign_id) == {
        "state:delivered": 49, "state:skipped": 1, "skipped:opted_out": 1, "parts": 49, "units": 49,
    }  # fmt: skip


def test_every_outcome_finds_its_state(house: House, organisation: int, wire: Wire) -> None:
    campaign_id = prepare(house, organisation, ["lost-1@x.org", "gone-1@x.org", "fine@x.org"])
    launch(house, organisation, campaign_id)
    wire.start()
    until(lambda: campaign_state(house, organisation, campaign_id) == "finished")
    assert states(house, organisation) == {
        "lost-1@x.org": "unknown",
        "gone-1@x.org": "undeliverable",
        "fine@x.org": "accepted",
    }
    with house.work(ADMINISTRATOR, organisation) as work:
        told = work.session.execute(select(Suppression.value, Suppression.channel, Suppression.reason)).one()
        assert tuple(told) == ("gone-1@x.org", "postcard", "undeliverable")
    assert figures(house, organisation, campaign_id)["reason:no_such_address"] == 1


def test_a_refused_sender_pauses_the_campaign(house: House, organisation: int, wire: Wire) -> None:
    people = ["refused-1@x.org", *[f"p{n}@x.org" for n in range(40)]]
    campaign_id = prepare(house, organisation, people, window=1)
    launch(house, organisation, campaign_id)
    wire.start()
    until(lambda: campaign_state(house, organisation, campaign_id) == "paused")
    wire.stop()
    assert len(postcard.SENT) < 41
    with house.work(ADMINISTRATOR, organisation) as work:
        assert "refuses the sender Amina" in records.find(work, Campaign, campaign_id).reason


def test_a_refused_password_pauses_the_connection_and_keeps_the_messages(
    house: House, organisation: int, wire: Wire
) -> None:
    campaign_id = prepare(house, organisation, ["forbidden-1@x.org", "p@x.org"], window=1)
    launch(house, organisation, campaign_id)
    wire.start()

    def is_paused() -> bool:
        with house.work(ADMINISTRATOR) as work:
            row = work.session.execute(text("SELECT is_active, paused_reason FROM pulse_connection")).one()
            return not row[0] and "bad_password" in row[1]

    until(is_paused)
    wire.stop()
    assert states(house, organisation)["forbidden-1@x.org"] == "queued"


def test_pause_and_cancel_stop_what_is_not_on_the_wire(house: House, organisation: int, wire: Wire) -> None:
    campaign_id = prepare(house, organisation, [f"p{n}@x.org" for n in range(200)], settings={"delay_ms": 20}, window=4)
    launch(house, organisation, campaign_id)
    wire.start()
    until(lambda: len(postcard.SENT) > 20)
    with house.work(ADMINISTRATOR, organisation) as work:
        campaigns.pause(work, campaign_id)
    sent_at_pause = len(postcard.SENT)
    until(lambda: _is_free(house))
    assert len(postcard.SENT) <= sent_at_pause + 4
    with house.work(ADMINISTRATOR, organisation) as work:
        campaigns.resume(work, campaign_id)
    until(lambda: len(postcard.SENT) > sent_at_pause + 20)
    with house.work(ADMINISTRATOR, organisation) as work:
        campaigns.cancel(work, campaign_id)
    sent_at_cancel = len(postcard.SENT)
    run_jobs(house)
    until(lambda: _is_free(house))
    assert len(postcard.SENT) <= sent_at_cancel + 4
    run_jobs(house)
    counted = figures(house, organisation, campaign_id)
    assert counted["state:accepted"] == len(postcard.SENT)
    assert counted["state:accepted"] + counted["state:cancelled"] == 200
    assert len({each.message_id for each in postcard.SENT}) == len(postcard.SENT)


def _is_free(house: House) -> bool:
    with house.work(ADMINISTRATOR) as work, guard.platform_scope(work.session, "test"):
        return not work.session.scalars(select(Dispatch.id).where(Dispatch.state == "claimed")).all()


def test_a_stop_in_mid_run_is_obeyed_at_the_next_claim(house: House, organisation: int, wire: Wire) -> None:
    people = [f"p{n}@x.org" for n in range(60)]
    campaign_id = prepare(house, organisation, people, settings={"delay_ms": 20}, window=4)
    launch(house, organisation, campaign_id)
    wire.start()
    until(lambda: len(postcard.SENT) > 4)
    ServiceDesk(house.work, "x", "").take_in(1, [Inbound("p59@x.org", "Amina", " Stop ")])
    until(lambda: campaign_state(house, organisation, campaign_id) == "finished")
    assert "p59@x.org" not in {each.address for each in postcard.SENT if "Dear" in each.body}
    assert figures(house, organisation, campaign_id)["skipped:opted_out"] == 1
    with house.work(ADMINISTRATOR, organisation) as work:
        assert work.session.scalars(select(InboundMessage.is_opt_out)).one()
    until(lambda: any("no more postcards" in each.body for each in postcard.SENT))


def test_a_killed_worker_leaves_unknown_what_it_may_have_sent(house: House, organisation: int) -> None:
    campaign_id = prepare(house, organisation, [f"p{n}@x.org" for n in range(30)], window=8)
    launch(house, organisation, campaign_id)
    dead = ServiceDesk(house.work, "dead-worker", "")
    hand = dead.hand(dead.lines()[0])
    batch = hand.turn(None, (), 8).batch
    assert batch is not None
    with house.work(ADMINISTRATOR) as work:
        work.session.execute(text("UPDATE pulse_dispatch SET lease_until = now() - interval '1 second'"))
    with house.work(ADMINISTRATOR) as work, guard.platform_scope(work.session, "test"):
        assert recovery.leases(work) == 1
    assert sorted(states(house, organisation).values()) == ["queued"] * 22 + ["unknown"] * 8
    living = ServiceDesk(house.work, "living-worker", "").hand(dead.lines()[0])
    taken = living.turn(None, (), 100).batch
    assert taken is not None
    assert not {each.message_id for each in taken.submissions} & {each.message_id for each in batch.submissions}
    late = hand.turn(batch, [postcard.Accepted((f"P{each.message_id}",)) for each in batch.submissions], 8)
    assert late.batch is None or late.batch.dispatch_id != batch.dispatch_id
    assert figures(house, organisation, campaign_id)["state:accepted"] == 8


def test_a_second_click_on_launch_is_told_so(house: House, organisation: int) -> None:
    campaign_id = prepare(house, organisation, ["p@x.org"])
    quote = launch(house, organisation, campaign_id)
    with house.work(ADMINISTRATOR, organisation) as work, pytest.raises(Refused, match="it cannot become running"):
        campaigns.launch(work, campaign_id, quote.id)


def test_an_edit_after_the_quote_voids_it(house: House, organisation: int) -> None:
    campaign_id = prepare(house, organisation, ["p@x.org"])
    with house.work(ADMINISTRATOR, organisation) as work:
        quotes.request(work, campaign_id)
    run_jobs(house)
    with house.work(ADMINISTRATOR, organisation) as work:
        factories.contact_list(work, members=[])
        contacts.create(work, contacts.Person("New", [("email", "new@x.org")], {}), [1])
    with house.work(ADMINISTRATOR, organisation) as work:
        quote = quotes.latest(work, campaign_id)
        assert quote is not None
        with pytest.raises(Refused, match="Quote it again"):
            campaigns.launch(work, campaign_id, quote.id)


def test_a_provider_that_fails_hands_its_messages_to_the_next_route(
    house: House, organisation: int, wire: Wire
) -> None:
    campaign_id = prepare(house, organisation, [f"p{n}@x.org" for n in range(5)], settings={"is_closed": True})
    with house.work(ADMINISTRATOR) as work:
        second = connections.create(work, "Second", "post", {"city": "Multan"}, is_trial=True)
        connections.create_route(work, second.id, priority=20)
    launch(house, organisation, campaign_id)
    wire.start()
    until(lambda: campaign_state(house, organisation, campaign_id) == "finished", 30)
    assert len(postcard.SENT) == 5
