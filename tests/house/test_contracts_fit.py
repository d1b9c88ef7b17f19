"""The contracts hold for what is to come: calls by the second, bounces, approved templates, real money.

Toy channels, a provider in memory and a ledger that keeps books go through the whole line.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from connectpulse import house as houses
from connectpulse.core.domain.contracts import Needs, Purpose
from connectpulse.core.domain.message import MessageState
from connectpulse.core.domain.outcome import Accepted
from connectpulse.core.domain.provider import Approval, Inbound, Receipt, TemplateWord
from connectpulse.core.domain.settings import fresh_secrets, from_mapping
from connectpulse.core.errors import Refused
from connectpulse.core.services import (
    campaigns,
    connections,
    contacts,
    counters,
    jobs,
    leaving,
    quotes,
    records,
    senders,
    templates,
    trials,
)
from connectpulse.core.services.campaigns import Draft
from connectpulse.core.services.desk import ServiceDesk
from connectpulse.core.storage import guard
from connectpulse.core.storage.models import Campaign, ContactList, Message, Quote, Suppression, TemplateVersion
from connectpulse.house import House
from connectpulse.testing import factories
from connectpulse.testing.factories import ADMINISTRATOR
from tests.conftest import entry_point
from tests.plugins.tolls import BOOKS, MINUTE, TARIFFS, WINDOW, TollLedger

TOLLS = entry_point("tolls", "tests.plugins.tolls:TollsPlugin")


@pytest.fixture
def house(database_url: str) -> Iterator[House]:
    """The house with the toy channels and a ledger that keeps books."""
    settings = from_mapping(fresh_secrets() | {"DATABASE_URL": database_url})
    made = houses.build(settings, entry_points=[TOLLS], pool_size=5)
    assert made.registry.refusals == {}
    BOOKS.clear()
    yield made
    made.close()


@pytest.fixture
def desk(house: House) -> ServiceDesk:
    return ServiceDesk(house.work, "toll-keeper", "")


def scene(house: House, organisation: int, channel: str, addresses: Sequence[str], body: str = "Hello") -> int:
    """Set up a connection, a route and a campaign; return the campaign's id."""
    scheme = house.registry.channel(channel).scheme
    with house.work(ADMINISTRATOR) as work:
        connections.create_route(work, connections.create(work, channel, f"{channel}_line", {}, is_trial=True).id)
    with house.work(ADMINISTRATOR, organisation) as work:
        everybody = records.create(work, ContactList(name="All"), "list.created")
        for address in addresses:
            contacts.create(work, contacts.Person(address, [(scheme, address)], {}), [everybody.id])
        template = templates.create(work, "Hello", channel, {"body": body})
        sender = senders.create(work, channel, "name", "Acme", purposes=["promotional"])
        draft = Draft("Spring", channel, "promotional", template.id, sender.id, [everybody.id])
        return campaigns.create(work, draft).id


def quote(house: House, organisation: int, campaign_id: int) -> Quote:
    """Quote a campaign; return what came of it."""
    with house.work(ADMINISTRATOR, organisation) as work:
        quotes.request(work, campaign_id)
    run_jobs(house)
    with house.work(ADMINISTRATOR, organisation) as work:
        made = quotes.latest(work, campaign_id)
    assert made is not None
    return made


def launch(house: House, organisation: int, campaign_id: int) -> None:
    """Quote and launch a campaign, and expand it."""
    made = quote(house, organisation, campaign_id)
    with house.work(ADMINISTRATOR, organisation) as work:
        campaigns.launch(work, campaign_id, made.id)
    run_jobs(house)


def run_jobs(house: House) -> None:
    with house.work(ADMINISTRATOR) as work:
        due = jobs.due(work)
    for job_id in due:
        jobs.run(house.work, job_id, "toll-keeper")


def hand_over(desk: ServiceDesk, outcome: Any) -> list[int]:
    """Hand everything over, each message ending as `outcome` of its id says; return the ids."""
    hand = desk.hand(desk.lines()[0])
    batch = hand.turn(None, (), 100).batch
    assert batch is not None
    hand.turn(batch, [outcome(each.message_id) for each in batch.submissions], 0)
    return [each.message_id for each in batch.submissions]


def accept(message_id: int) -> Accepted:
    return Accepted((f"R{message_id}",))


def report(message_id: int, state: MessageState, **facts: Any) -> Receipt:
    return Receipt(f"R{message_id}", state, **facts)


def messages(house: House, organisation: int) -> dict[str, Message]:
    with house.work(ADMINISTRATOR, organisation) as work:
        return {each.address: each for each in work.session.scalars(select(Message))}


# --- voice: reserved by the longest call, settled by what was answered


def test_a_call_is_settled_by_the_seconds_that_were_answered(
    house: House, organisation: int, desk: ServiceDesk
) -> None:
    near, far = "+923001234567", "+12025550123"
    launch(house, organisation, scene(house, organisation, "call", [near, far]))
    assert BOOKS.reserved == Decimal("0.0125") * 60 + Decimal("0.1") * 60, "60 seconds at each one's own price"
    hand_over(desk, accept)
    called = {address: each.id for address, each in messages(house, organisation).items()}
    connection = desk.lines()[0].connection_id
    desk.take_in(
        connection,
        [
            report(called[near], MessageState.DELIVERED, quantity=12),
            report(called[far], MessageState.UNDELIVERABLE, reason="no_answer", quantity=0),
        ],
    )
    assert BOOKS.spent == Decimal("0.0125") * 12
    assert BOOKS.reserved == 0


@pytest.mark.parametrize(("seconds", "minutes"), [(0, 0), (1, 1), (60, 1), (61, 2), (200, 4)])
def test_a_call_by_the_minute_is_settled_by_the_minutes_that_began(
    house: House, organisation: int, desk: ServiceDesk, seconds: int, minutes: int
) -> None:
    number = "+33142685300"
    launch(house, organisation, scene(house, organisation, "call", [number]))
    hand_over(desk, accept)
    call = messages(house, organisation)[number].id
    desk.take_in(desk.lines()[0].connection_id, [report(call, MessageState.DELIVERED, quantity=seconds)])
    assert (BOOKS.spent, BOOKS.reserved) == (MINUTE * minutes, 0)


@pytest.mark.parametrize("again", [1, 2])
def test_a_bill_that_comes_after_the_call_is_settled_once(
    house: House, organisation: int, desk: ServiceDesk, again: int
) -> None:
    launch(house, organisation, scene(house, organisation, "call", ["+923001234567"]))
    (call,) = hand_over(desk, accept)
    connection = desk.lines()[0].connection_id
    desk.take_in(connection, [report(call, MessageState.DELIVERED)])
    assert (BOOKS.spent, BOOKS.reserved) == (Decimal("0.75"), 0)
    for _ in range(again):
        desk.take_in(connection, [report(call, MessageState.DELIVERED, quantity=7)])
    assert BOOKS.spent == Decimal("0.0875")
    (message,) = messages(house, organisation).values()
    assert (message.quantity, message.billed, message.units) == (60, 7, Decimal("0.75"))


def test_a_call_that_failed_and_was_answered_after_all_costs_what_it_took(
    house: House, organisation: int, desk: ServiceDesk
) -> None:
    launch(house, organisation, scene(house, organisation, "call", ["+923001234567"]))
    (call,) = hand_over(desk, accept)
    connection = desk.lines()[0].connection_id
    desk.take_in(connection, [report(call, MessageState.UNDELIVERABLE, quantity=0)])
    assert (BOOKS.spent, BOOKS.reserved) == (0, 0)
    desk.take_in(connection, [report(call, MessageState.DELIVERED, quantity=30)])
    assert (BOOKS.spent, BOOKS.reserved) == (Decimal("0.375"), 0)


def test_what_a_gateway_bills_at_once_is_what_is_due(house: House, organisation: int, desk: ServiceDesk) -> None:
    launch(house, organisation, scene(house, organisation, "call", ["+923001234567", "+12025550123"]))
    hand_over(desk, lambda message_id: replace(accept(message_id), quantity=30))
    assert BOOKS.reserved == Decimal("0.0125") * 30 + Decimal("0.1") * 30
    desk.take_in(
        desk.lines()[0].connection_id,
        [report(each.id, MessageState.DELIVERED) for each in messages(house, organisation).values()],
    )
    assert (BOOKS.spent, BOOKS.reserved) == (Decimal("3.375"), 0)


# --- billing: real amounts, and a pocket that may be empty


def test_an_empty_pocket_is_told_before_launch(
    house: House, organisation: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TollLedger, "pocket", Decimal("0.5"))
    campaign_id = scene(house, organisation, "call", ["+923001234567"])
    with pytest.raises(Refused, match=r"One message takes 0\.75 units, and 0\.5 are available"):
        launch(house, organisation, campaign_id)


def test_a_pocket_that_empties_on_the_way_pauses_the_campaign(
    house: House, organisation: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign_id = scene(house, organisation, "call", ["+923001234567"])
    made = quote(house, organisation, campaign_id)
    with house.work(ADMINISTRATOR, organisation) as work:
        campaigns.launch(work, campaign_id, made.id)
    monkeypatch.setattr(TollLedger, "pocket", Decimal("0.5"))
    run_jobs(house)
    with house.work(ADMINISTRATOR, organisation) as work:
        campaign = records.find(work, Campaign, campaign_id)
        assert (campaign.state, campaign.is_out_of_units) == ("paused", True)
        assert campaign.reason.startswith("Out of units: the rest takes about 0.75 more")
    assert BOOKS.reserved == 0
    assert messages(house, organisation) == {}


def test_a_place_without_a_price_is_left_out_and_named(house: House, organisation: int) -> None:
    made = quote(house, organisation, scene(house, organisation, "call", ["+923001234567", "+442079460958"]))
    assert (made.recipients, made.skipped, made.unpriced) == (1, {"unpriced": 1}, {"+44": 1})
    assert made.units == Decimal("0.75")


def test_what_is_cancelled_is_given_back(house: House, organisation: int) -> None:
    campaign_id = scene(house, organisation, "call", ["+923001234567"])
    launch(house, organisation, campaign_id)
    assert BOOKS.reserved == Decimal("0.75")
    with house.work(ADMINISTRATOR, organisation) as work:
        campaigns.cancel(work, campaign_id)
    run_jobs(house)
    assert (BOOKS.spent, BOOKS.reserved) == (0, 0)


def test_what_expires_in_the_queue_is_given_back(house: House, organisation: int) -> None:
    launch(house, organisation, scene(house, organisation, "call", ["+923001234567"]))
    assert BOOKS.reserved == Decimal("0.75")
    now = house.clock()
    house.clock = lambda: now + timedelta(days=2)
    with house.work(ADMINISTRATOR) as work, guard.platform_scope(work.session, "expire"):
        assert leaving.expire_step(work) == 1
    assert (BOOKS.spent, BOOKS.reserved) == (0, 0)


# --- e-mail: bounces and complaints become suppressions


def suppressed(house: House, organisation: int) -> dict[str, str]:
    with house.work(ADMINISTRATOR, organisation) as work:
        return {each.value: each.reason for each in work.session.scalars(select(Suppression))}


def test_a_bounce_and_a_complaint_suppress_and_a_full_mailbox_does_not(
    house: House, organisation: int, desk: ServiceDesk
) -> None:
    people = ["gone@example.com", "angry@example.com", "full@example.com", "glad@example.com"]
    launch(house, organisation, scene(house, organisation, "letter", people))
    hand_over(desk, accept)
    gone, angry, full, glad = (messages(house, organisation)[person].id for person in people)
    desk.take_in(
        desk.lines()[0].connection_id,
        [
            report(gone, MessageState.UNDELIVERABLE, reason="no_such_mailbox", suppress=True, address="GONE@x.org"),
            report(angry, MessageState.DELIVERED),
            report(angry, MessageState.DELIVERED, reason="complained", suppress=True),
            report(full, MessageState.UNDELIVERABLE, reason="mailbox_full"),
            report(glad, MessageState.READ),
        ],
    )
    assert suppressed(house, organisation) == {"gone@example.com": "undeliverable", "angry@example.com": "complained"}
    assert messages(house, organisation)["angry@example.com"].state == MessageState.DELIVERED


def test_a_bounce_that_overtakes_its_letter_is_not_forgotten(
    house: House, organisation: int, desk: ServiceDesk
) -> None:
    launch(house, organisation, scene(house, organisation, "letter", ["gone@example.com"]))
    (letter,) = messages(house, organisation).values()
    connection = desk.lines()[0].connection_id
    desk.take_in(connection, [report(letter.id, MessageState.UNDELIVERABLE, suppress=True)])
    assert suppressed(house, organisation) == {}
    hand_over(desk, accept)
    assert suppressed(house, organisation) == {"gone@example.com": "undeliverable"}


# --- WhatsApp: an approved template, or an answer within a day


def test_a_template_waits_for_the_providers_word(house: House, organisation: int) -> None:
    campaign_id = scene(house, organisation, "chat", ["+923001234567"], body="template: spring")
    with house.work(ADMINISTRATOR, organisation) as work, pytest.raises(Refused, match="not approved this template"):
        quotes.request(work, campaign_id)
    with house.work(ADMINISTRATOR, organisation) as work:
        version = work.session.scalars(select(TemplateVersion)).unique().one()
        assert version.approval == "pending"
        with pytest.raises(Refused, match="not one of pending, approved, rejected"):
            templates.record_approval(work, version.id, "perhaps")
        templates.record_approval(work, version.id, "approved", "spring_2030")
    assert quote(house, organisation, campaign_id).recipients == 1


def test_free_words_go_to_those_who_wrote_within_a_day(house: House, organisation: int, desk: ServiceDesk) -> None:
    people = [f"+92300123456{number}" for number in range(4)]
    campaign_id = scene(house, organisation, "chat", people)
    connection = desk.lines()[0].connection_id
    with house.work(ADMINISTRATOR, organisation) as work:
        senders.create(work, "chat", "name", "Beta", purposes=["promotional"])
    now = house.clock()
    desk.take_in(
        connection,
        [
            Inbound(people[0], "Acme", "When do you open?", received_at=now - WINDOW / 2),
            Inbound(people[1], "Acme", "And then?", received_at=now - 2 * WINDOW),
            Inbound(people[2], "Beta", "Who is it?", received_at=now),
        ],
    )
    made = quote(house, organisation, campaign_id)
    assert (made.audience, made.recipients, made.skipped) == (4, 1, {"no_recent_message": 3})


def test_needs_are_declared_per_content(house: House) -> None:
    chat = house.registry.channel("chat")
    assert chat.needs({"body": "template: spring"}, Purpose.PROMOTIONAL) == Needs(approved_template=True)
    assert chat.needs({"body": "Hello"}, Purpose.PROMOTIONAL) == Needs(recent_inbound=WINDOW)


def test_a_trial_of_a_content_that_must_be_approved_or_answered_is_refused(house: House, organisation: int) -> None:
    waiting = scene(house, organisation, "chat", [], body="template: spring")
    with house.work(ADMINISTRATOR, organisation) as work, pytest.raises(Refused, match="not approved this template"):
        trials.send(work, waiting, ["+923001234567"])
    with house.work(ADMINISTRATOR, organisation) as work:
        template = templates.create(work, "Free", "chat", {"body": "Hello"})
        sender = senders.usable(work, "chat")[0]
        free = campaigns.create(work, Draft("Free", "chat", "promotional", template.id, sender.id, []))
        with pytest.raises(Refused, match="in the last 24 hours"):
            trials.send(work, free.id, ["+923001234567"])


def test_the_day_is_looked_at_again_when_a_message_is_handed_over(
    house: House, organisation: int, desk: ServiceDesk
) -> None:
    people = ["+923001234567", "+923001234568"]
    campaign_id = scene(house, organisation, "chat", people)
    start = house.clock()
    house.clock = lambda: start
    connection = desk.lines()[0].connection_id
    desk.take_in(connection, [Inbound(people[0], "Acme", "Hi", received_at=start - WINDOW * 0.9)])
    desk.take_in(connection, [Inbound(people[1], "Acme", "Hi", received_at=start)])
    launch(house, organisation, campaign_id)
    with house.work(ADMINISTRATOR, organisation) as work:
        senders.create(work, "chat", "name", "Beta", purposes=["promotional"])
    desk.take_in(connection, [Inbound(people[0], "Beta", "Hi", received_at=start + WINDOW * 0.4)])
    house.clock = lambda: start + WINDOW * 0.5
    assert len(hand_over(desk, accept)) == 1
    first, second = (messages(house, organisation)[each] for each in people)
    assert (MessageState(first.state).label, first.reason) == ("skipped", "no_recent_message")
    assert second.state == MessageState.ACCEPTED
    with house.work(ADMINISTRATOR, organisation) as work:
        assert counters.read(work, [campaign_id])[campaign_id]["skipped:no_recent_message"] == 1
    assert BOOKS.reserved == 1


def words(house: House, organisation: int) -> list[tuple[str, str, str]]:
    with house.work(ADMINISTRATOR, organisation) as work:
        versions = work.session.scalars(select(TemplateVersion)).unique()
        return [(each.approval, each.approval_reason, each.category) for each in versions]


def test_a_provider_says_what_it_thinks_of_a_template(house: House, organisation: int, desk: ServiceDesk) -> None:
    campaign_id = scene(house, organisation, "chat", ["+923001234567"], body="template: spring")
    with house.work(ADMINISTRATOR) as work, guard.platform_scope(work.session, "submit"):
        (version,) = templates.pending(work, "chat")
        assert templates.pending(work, "chat", after=version.id) == templates.pending(work, "letter") == []
    with house.work(ADMINISTRATOR, organisation) as work:
        templates.record_approval(work, version.id, "pending", "spring_2030")
    connection = desk.lines()[0].connection_id
    desk.take_in(connection, [TemplateWord("other", Approval.APPROVED), TemplateWord("", Approval.APPROVED)])
    assert words(house, organisation) == [("pending", "", "")]
    desk.take_in(connection, [TemplateWord("spring_2030", Approval.APPROVED, category="marketing")])
    assert words(house, organisation) == [("approved", "", "marketing")]
    quote(house, organisation, campaign_id)
    assert TARIFFS[-1].category == "marketing"
    desk.take_in(connection, [TemplateWord("spring_2030", None, "Low quality")])
    assert words(house, organisation) == [("approved", "Low quality", "marketing")]
    desk.take_in(connection, [TemplateWord("spring_2030", Approval.REJECTED, "Paused: low quality")])
    desk.take_in(connection, [TemplateWord("spring_2030", None, "is ignored", "utility")])
    assert words(house, organisation) == [("rejected", "Paused: low quality", "utility")]
    with house.work(ADMINISTRATOR, organisation) as work, pytest.raises(Refused, match="not approved this template"):
        quotes.request(work, campaign_id)


def test_a_private_connection_speaks_for_its_organisation_only(house: House, desk: ServiceDesk) -> None:
    ours, theirs = factories.organisation(house), factories.organisation(house)
    for each in (ours, theirs):
        with house.work(ADMINISTRATOR, each) as work:
            version = templates.current(work, templates.create(work, "T", "chat", {"body": "template: t"}).id)
            templates.record_approval(work, version.id, "pending", "t_1")
    with house.work(ADMINISTRATOR) as work:
        private = connections.create(work, "Own", "chat_line", {}, organisation_id=ours).id
    desk.take_in(private, [TemplateWord("t_1", Approval.APPROVED)])
    assert [words(house, each)[0][0] for each in (ours, theirs)] == ["approved", "pending"]


def test_a_channel_names_the_category_its_prices_depend_on(house: House, organisation: int) -> None:
    campaign_id = scene(house, organisation, "call", ["+923001234567"])
    quote(house, organisation, campaign_id)
    assert TARIFFS[-1].category == "promotional call"
