"""Quotes: what is quoted is what is sent, for every reason to leave somebody out."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from connectpulse.core.domain.contracts import Ledger, Measure, Movement, Pricer, Tariff, Unpriced
from connectpulse.core.domain.message import MessageState
from connectpulse.core.domain.pricing import Price
from connectpulse.core.domain.windows import SendingWindow
from connectpulse.core.errors import Refused
from connectpulse.core.services import campaigns, contacts, estimates, expansion, quotes, records, suppressions
from connectpulse.core.services.campaigns import Draft
from connectpulse.core.services.ledger import UnmeteredLedger
from connectpulse.core.services.work import Work
from connectpulse.core.storage.models import Campaign, Contact, ContactList, Message, Organisation
from tests.unit.core.services.scene import AMINA, BILAL, Scene


class CardLedger(Ledger):
    """Postcards cost two and a half units, to addresses under .aq they have no price; 100 units are there."""

    name = "cards"

    def __init__(self) -> None:
        self.reserved = Decimal(0)

    def pricer(self, work: Work, tariff: Tariff) -> Pricer:
        def price(address: str, measure: Measure) -> Price:
            if address.endswith(".aq"):
                raise Unpriced("aq")
            return Price(Decimal("2.5") * measure.quantity)

        return price

    def balance(self, work: Work, organisation_id: int) -> Decimal | None:
        return Decimal(100) - self.reserved

    def reserve(
        self, work: Work, tariff: Tariff, campaign_id: int | None, units: Decimal, *, day: date | None = None
    ) -> None:
        self.reserved += units

    def settle(self, work: Work, movements: Sequence[Movement]) -> None:
        """Nothing is sent in these tests."""


@pytest.fixture
def ledger(scene: Scene) -> CardLedger:
    made = CardLedger()
    scene.house.registry.ledgers[made.name] = made
    return made


def everybody(scene: Scene) -> tuple[int, int]:
    """Make an audience with somebody for every reason to be left out; return its list and one to leave out."""
    with scene.work() as work:
        contacts.create_field(work, "Town")
    everyone = scene.people(*(f"p{n}@x.org" for n in range(20)), name="All", town="Lahore")
    absent = scene.people("absent@x.org", name="Absent", town="Lahore")
    scene.people("nowhere@x.org", name="Nowhere")
    with scene.work() as work:
        whole = records.find(work, contacts.ContactList, everyone)
        without = contacts.create(work, contacts.Person("No address", [("phone", "+923001234567")], {"town": "x"}))
        of = {name: id for name, id in work.session.execute(select(Contact.name, Contact.id))}
        contacts.add_members(work, whole, [without.id, of["Absent"], of["Nowhere"]])
        contacts.restrict(work, of["P7"], True)
        reasons = ("opted_out", "complained", "undeliverable", "objected", "do_not_call", "operator")
        for number, reason in enumerate(reasons):
            suppressions.add(work, "email", f"p{number}@x.org", reason=reason, source="test")
        suppressions.add(work, "email", "p19@x.org", reason="opted_out", source="", purpose="transactional")
    return everyone, absent


def sent(scene: Scene, campaign_id: int) -> tuple[int, Counter[str], int, Decimal]:
    """Return what expansion made: messages that will go, those left out by reason, parts, units."""
    with scene.work() as work:
        rows = work.session.execute(
            select(Message.state, Message.reason, Message.parts, Message.units).where(
                Message.campaign_id == campaign_id
            )
        ).all()
    queued = [row for row in rows if row[0] == MessageState.QUEUED]
    skipped = Counter(row[1] for row in rows if row[0] == MessageState.SKIPPED)
    return len(queued), skipped, sum(row[2] for row in queued), sum((row[3] for row in queued), Decimal(0))


@pytest.mark.parametrize("page", [1, 3, 5000])
def test_what_is_quoted_is_what_is_sent(scene: Scene, page: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quotes, "PAGE", page)
    monkeypatch.setattr(expansion, "PAGE", page)
    everyone, absent = everybody(scene)
    scene.connect()
    template = scene.template("Dear {{ first_name }} of {{ town }}", "With town")
    campaign_id = scene.campaign(everyone, template_id=template, excluded_ids=[absent])
    quote = scene.quote(campaign_id)
    assert quote.recipients == 13
    assert quote.skipped == {
        "no_address": 1, "restricted": 1, "missing_value": 1, "opted_out": 1, "complained": 1,
        "undeliverable": 1, "objected": 1, "do_not_call": 1, "operator": 1,
    }  # fmt: skip
    assert (quote.audience, quote.missing) == (22, {"town": 1})
    scene.launch(campaign_id)
    assert sent(scene, campaign_id) == (quote.recipients, Counter(quote.skipped), quote.parts, quote.units)
    assert scene.figures(campaign_id) == {
        "state:queued": quote.recipients, "state:skipped": 9, "parts": quote.parts, "units": int(quote.units),
        **{f"skipped:{reason}": amount for reason, amount in quote.skipped.items()},
    }  # fmt: skip


def test_somebody_on_two_lists_is_one_recipient(scene: Scene) -> None:
    scene.connect()
    first = scene.people("a@x.org", "b@x.org", name="First")
    second = scene.people("c@x.org", name="Second")
    with scene.work() as work:
        everyone = list(work.session.scalars(select(Contact.id)))
        contacts.add_members(work, records.find(work, contacts.ContactList, second), everyone)
    campaign_id = scene.campaign(first, list_ids=[first, second])
    assert scene.quote(campaign_id).recipients == 3
    scene.launch(campaign_id)
    assert sent(scene, campaign_id)[0] == 3


def test_prices_are_exact_and_reserved_as_quoted(scene: Scene, ledger: CardLedger) -> None:
    scene.connect()
    campaign_id = scene.campaign(scene.people("a@x.org", "b@x.org", "c@x.org"))
    quote = scene.quote(campaign_id)
    assert quote.units == Decimal("7.5")
    scene.launch(campaign_id)
    assert ledger.reserved == Decimal("7.5")


def test_an_unpriced_destination_refuses_the_launch(scene: Scene, ledger: CardLedger) -> None:
    scene.connect()
    campaign_id = scene.campaign(scene.people("a@x.org", "pole@x.aq"))
    quote = scene.quote(campaign_id)
    assert (quote.recipients, quote.skipped, quote.unpriced) == (1, {"unpriced": 1}, {"aq": 1})
    with pytest.raises(Refused, match="no price for destinations beginning with aq"):
        scene.launch(campaign_id)
    assert (scene.state(campaign_id), ledger.reserved) == ("draft", 0)


def test_a_balance_that_covers_no_message_refuses_the_launch(scene: Scene, ledger: CardLedger) -> None:
    scene.connect()
    campaign_id = scene.campaign(scene.people("a@x.org"))
    ledger.reserved = Decimal(98)
    with pytest.raises(Refused, match=r"One message takes 2\.5 units, and 2 are available"):
        scene.launch(campaign_id)


def test_destinations_no_route_serves_are_counted(scene: Scene) -> None:
    scene.connect(prefix="92")
    quote = scene.quote(scene.campaign(scene.people("a@x.org")))
    assert (quote.recipients, quote.skipped) == (0, {"no_route": 1})


def test_a_second_request_returns_the_quote_that_holds(scene: Scene) -> None:
    scene.connect()
    campaign_id = scene.campaign(scene.people("a@x.org"))
    first = scene.quote(campaign_id)
    assert scene.quote(campaign_id).id == first.id
    moment = scene.house.clock() + quotes.GOOD_FOR + timedelta(minutes=1)
    scene.at(moment)
    assert scene.quote(campaign_id).id != first.id


def test_what_is_missing_is_told_before_anything_is_counted(scene: Scene) -> None:
    campaign_id = scene.campaign(scene.people("a@x.org"), template_id=None, sender_id=None, list_ids=[])
    with scene.work() as work, pytest.raises(Refused) as caught:
        quotes.request(work, campaign_id)
    assert caught.value.problems == (
        "Choose a template.", "Choose a sender.",
        "No route carries Postcard messages. A platform administrator has to add one.", "Choose at least one list.",
    )  # fmt: skip


def doubled(self: UnmeteredLedger, work: Work, tariff: Tariff) -> Pricer:
    times = 1 if tariff.version == "old" else 2
    return lambda address, measure: Price(Decimal(measure.quantity * times))


def _double(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(UnmeteredLedger, "pricer", doubled)
    monkeypatch.setattr(UnmeteredLedger, "price_version", lambda self, work, tariff: "new")


def test_a_price_that_changed_voids_the_quote(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.connect()
    campaign_id = scene.campaign(scene.people("a@x.org", "b@y.org"))
    quote = scene.quote(campaign_id)
    _double(monkeypatch)
    with scene.work() as work, pytest.raises(Refused, match="its price has changed since it was quoted"):
        campaigns.launch(work, campaign_id, quote.id)
    assert scene.quote(campaign_id).units == 4


def test_a_price_that_changed_keeps_a_submitted_campaign_from_being_approved(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.connect()
    with scene.house.work(AMINA) as work:
        records.find(work, Organisation, scene.organisation).needs_approval = True
    campaign_id = scene.campaign(scene.people("a@x.org"))
    scene.launch(campaign_id)
    _double(monkeypatch)
    with scene.work(BILAL) as work, pytest.raises(Refused, match="A price has changed"):
        campaigns.approve(work, campaign_id)


def test_a_campaign_is_sent_to_its_end_at_the_price_it_was_quoted_at(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    _double(monkeypatch)
    monkeypatch.setattr(UnmeteredLedger, "price_version", lambda self, work, tariff: "old")
    scene.connect()
    campaign_id = scene.campaign(scene.people("a@x.org", "b@y.org"))
    assert scene.quote(campaign_id).units == 2
    scene.launch(campaign_id)
    _double(monkeypatch)
    scene.run_jobs()
    with scene.work() as work:
        assert set(work.session.scalars(select(Message.units))) == {Decimal(1)}


def test_a_list_with_other_members_of_the_same_number_voids_the_quote(scene: Scene) -> None:
    scene.connect()
    list_id = scene.people("a@x.org", "b@x.org")
    campaign_id = scene.campaign(list_id)
    quote = scene.quote(campaign_id)
    with scene.work() as work:
        contact_list = records.find(work, ContactList, list_id)
        first = work.session.scalars(select(Contact.id).order_by(Contact.id).limit(1)).one()
        stranger = contacts.create(work, contacts.Person("C", [("email", "c@x.org")], {}))
        contacts.remove_members(work, contact_list, [first])
        contacts.add_members(work, contact_list, [stranger.id])
    with scene.work() as work, pytest.raises(Refused, match="Quote it again"):
        campaigns.launch(work, campaign_id, quote.id)


NOON = datetime(2026, 6, 15, 12, tzinfo=UTC)


def estimated(scene: Scene, campaign_id: int) -> estimates.Estimate:
    quote = scene.quote(campaign_id)
    with scene.work() as work:
        return estimates.estimate(work, quote, records.find(work, Campaign, campaign_id))


def change(scene: Scene, campaign_id: int, list_id: int, **options: Any) -> None:
    with scene.work() as work:
        draft = Draft("Spring", "postcard", "promotional", 1, 1, [list_id], **options)
        campaigns.change(work, campaign_id, draft)


def test_the_expected_finish_is_a_time_on_the_clock(scene: Scene) -> None:
    scene.at(NOON)
    scene.connect()
    people = scene.people(*(f"p{n}@x.org" for n in range(30)))
    found = estimated(scene, scene.campaign(people, rate_per_second=10))
    assert (found.start, found.finish) == (NOON, NOON + timedelta(seconds=3))
    change(scene, 1, people, rate_per_second=10, starts_at=datetime(2026, 6, 16, 8), timezone="UTC")  # noqa: DTZ001
    later = estimated(scene, 1)
    assert later.finish == datetime(2026, 6, 16, 8, 0, 3, tzinfo=UTC)


def test_the_organisations_rate_counts_and_no_rate_is_no_estimate(scene: Scene) -> None:
    scene.at(NOON)
    scene.connect()
    campaign_id = scene.campaign(scene.people(*(f"p{n}@x.org" for n in range(30))))
    assert estimated(scene, campaign_id).finish is None
    with scene.house.work(AMINA) as work:
        records.find(work, Organisation, scene.organisation).rate_per_second = 5
    assert estimated(scene, campaign_id).finish == NOON + timedelta(seconds=6)


def test_the_sending_window_is_waited_for_in_every_zone(scene: Scene) -> None:
    window = SendingWindow(time(9), time(10))
    zones = {"UTC": 3600, "Asia/Karachi": 3600}
    through = estimates._through_windows
    # Karachi opens at 04:00 UTC: half of two hours' work fits, and so it does in UTC.
    assert through(window, zones, NOON, 7200.0) == datetime(2026, 6, 16, 10, tzinfo=UTC)
    assert through(window, zones, NOON, 10_800.0) == datetime(2026, 6, 17, 9, 30, tzinfo=UTC)
    assert through(window, zones, NOON, 0.0) == datetime(2026, 6, 16, 9, tzinfo=UTC)
    assert through(window, {"UTC": 1}, NOON, 3600.0 * 1000) is None


def test_what_takes_longer_than_it_is_good_for_is_told(scene: Scene) -> None:
    scene.connect()
    people = scene.people(*(f"p{n}@x.org" for n in range(70)))
    assert estimated(scene, scene.campaign(people, rate_per_second=1, validity_minutes=1)).is_longer_than_validity
    change(scene, 1, people, rate_per_second=1)
    assert not estimated(scene, 1).is_longer_than_validity
