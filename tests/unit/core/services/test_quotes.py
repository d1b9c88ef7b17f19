"""Quotes: what is quoted is what is sent, for every reason to leave somebody out."""

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select

from connectpulse.core.domain.contracts import Ledger, Measure, Movement, Pricer, Tariff, Unpriced
from connectpulse.core.domain.message import MessageState
from connectpulse.core.errors import Refused
from connectpulse.core.services import contacts, expansion, quotes, records, suppressions
from connectpulse.core.services.work import Work
from connectpulse.core.storage.models import Campaign, Contact, Message
from tests.unit.core.services.scene import Scene


class CardLedger(Ledger):
    """Postcards cost two and a half units, to addresses under .aq they have no price; 100 units are there."""

    name = "cards"

    def __init__(self) -> None:
        self.reserved = Decimal(0)

    def pricer(self, work: Work, tariff: Tariff) -> Pricer:
        def price(address: str, measure: Measure) -> Decimal:
            if address.endswith(".aq"):
                raise Unpriced("aq")
            return Decimal("2.5") * measure.quantity

        return price

    def balance(self, work: Work, organisation_id: int) -> Decimal | None:
        return Decimal(100) - self.reserved

    def reserve(self, work: Work, tariff: Tariff, campaign_id: int | None, units: Decimal) -> None:
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


def test_a_balance_that_does_not_cover_it_refuses_the_launch(scene: Scene, ledger: CardLedger) -> None:
    scene.connect()
    campaign_id = scene.campaign(scene.people("a@x.org"))
    ledger.reserved = Decimal(98)
    with pytest.raises(Refused, match=r"needs 2\.5000 units; the balance is 2"):
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


def test_a_quote_says_how_long_it_takes(scene: Scene) -> None:
    scene.connect()
    campaign_id = scene.campaign(scene.people(*(f"p{n}@x.org" for n in range(30))), rate_per_second=10)
    quote = scene.quote(campaign_id)
    with scene.work() as work:
        assert quotes.expected_seconds(work, quote, records.find(work, Campaign, campaign_id)) == 3


def test_what_is_missing_is_told_before_anything_is_counted(scene: Scene) -> None:
    campaign_id = scene.campaign(scene.people("a@x.org"), template_id=None, sender_id=None, list_ids=[])
    with scene.work() as work, pytest.raises(Refused) as caught:
        quotes.request(work, campaign_id)
    assert caught.value.problems == (
        "Choose a template.", "Choose a sender.", "Choose at least one list.",
        "No route carries Postcard messages. A platform administrator has to add one.",
    )  # fmt: skip
