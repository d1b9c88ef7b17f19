"""What a message costs by what became of it; a whole campaign through core, and one that runs out of units."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from connectpulse_billing.ledger import balances, books, checking, grants, policies, reconciling
from connectpulse_billing.ledger.balances import Balance
from connectpulse_billing.ledger.policies import Charges
from sqlalchemy import text

from connectpulse import house as houses
from connectpulse.core.api import Cause, MessageState, Movement, Refused, Work
from connectpulse.core.domain.contracts import Purpose, Tariff
from connectpulse.core.domain.outcome import Accepted, ErrorClass, Outcome, Rejected
from connectpulse.core.domain.provider import Receipt
from connectpulse.core.domain.settings import fresh_secrets, from_mapping
from connectpulse.core.services import campaigns, leaving, receipts, records, recovery, singles
from connectpulse.core.services.desk import ServiceDesk
from connectpulse.core.storage import guard, ids
from connectpulse.core.storage.models import Campaign
from connectpulse.house import House
from connectpulse.testing.factories import ADMINISTRATOR
from tests.conftest import entry_point
from tests.plugins.postcard import PostProvider
from tests.unit.core.services.scene import Scene

S = MessageState
CAMPAIGN = 900


@pytest.fixture
def house(database_url: str) -> Iterator[House]:
    """A house with the postcard channel and billing."""
    made = houses.build(
        from_mapping(fresh_secrets() | {"DATABASE_URL": database_url}),
        entry_points=[
            entry_point("postcard", "tests.plugins.postcard:PostcardPlugin"),
            entry_point("billing", "connectpulse_billing.plugin:BillingPlugin"),
        ],
        pool_size=5,
    )
    assert not made.registry.refusals
    yield made
    made.close()


def reserved(work: Work, organisation: int, units: int = 10, campaign_id: int | None = CAMPAIGN) -> None:
    tariff = Tariff(organisation, "postcard", Purpose.PROMOTIONAL, "Amina")
    work.registry.ledger.reserve(work, tariff, campaign_id, Decimal(units))


def moved(work: Work, organisation: int, before: S, after: S, units: int = 10, **more: Any) -> None:
    campaign_id = more.pop("campaign_id", CAMPAIGN)
    movement = Movement(organisation, campaign_id, "postcard", before, after, units, Decimal(units), units, **more)
    work.registry.ledger.settle(work, [movement])


def gained(work: Work, organisation: int, before: Balance) -> tuple[Decimal, Decimal, Decimal]:
    """Return what came to available, reserved and spent since."""
    now = balances.of(work, organisation)
    return (now.available - before.available, now.reserved - before.reserved, now.spent - before.spent)


CHARGED, KEPT, FREE = (-10, 0, 10), (-10, 10, 0), (0, 0, 0)


ENDINGS: list[tuple[tuple[S, ...], Charges, tuple[int, int, int]]] = [
    ((S.ACCEPTED,), Charges(), KEPT),
    ((S.UNKNOWN,), Charges(unknown=True), KEPT),
    ((S.ACCEPTED, S.DELIVERED), Charges(), CHARGED),
    ((S.ACCEPTED, S.DELIVERED, S.READ), Charges(), CHARGED),
    ((S.REJECTED,), Charges(True, True, True), FREE),
    ((S.FAILED,), Charges(True, True, True), FREE),
    ((S.SKIPPED,), Charges(True, True, True), FREE),
    ((S.CANCELLED,), Charges(True, True, True), FREE),
    ((S.ACCEPTED, S.UNDELIVERABLE), Charges(), FREE),
    ((S.ACCEPTED, S.UNDELIVERABLE), Charges(undeliverable=True), CHARGED),
    ((S.ACCEPTED, S.EXPIRED), Charges(), FREE),
    ((S.ACCEPTED, S.EXPIRED), Charges(expired=True), CHARGED),
    ((S.ACCEPTED, S.EXPIRED, S.DELIVERED), Charges(), CHARGED),
    ((S.ACCEPTED, S.EXPIRED, S.DELIVERED), Charges(expired=True), CHARGED),
    ((S.UNKNOWN, S.DELIVERED), Charges(), CHARGED),
    ((S.ACCEPTED, S.UNDELIVERABLE, S.DELIVERED), Charges(undeliverable=True), CHARGED),
]


def force(work: Work, organisation: int, charges: Charges) -> None:
    """Let this be what is charged from now on."""
    if replace(policies.in_force(work, organisation), version=None) != charges:
        policies.change(work, organisation, charges)


def test_each_ending_is_charged_once_as_the_policy_says(work: Work, organisation: int) -> None:
    for number, (path, charges, outcome) in enumerate(ENDINGS):
        force(work, organisation, charges)
        before = balances.of(work, organisation)
        reserved(work, organisation, campaign_id=number + 1)
        for state, following in zip((S.QUEUED, *path), path, strict=False):
            moved(work, organisation, state, following, campaign_id=number + 1)
        assert gained(work, organisation, before) == outcome, (path, charges)
    assert checking.faults(work) == []


CAUSES: list[tuple[S, S, Cause, Charges, tuple[int, int, int]]] = [
    (S.QUEUED, S.EXPIRED, Cause.NEVER_SENT, Charges(expired=True), FREE),
    (S.UNKNOWN, S.EXPIRED, Cause.ANSWER_LOST, Charges(expired=True), FREE),
    (S.UNKNOWN, S.EXPIRED, Cause.ANSWER_LOST, Charges(unknown=True), CHARGED),
    (S.ACCEPTED, S.ACCEPTED, Cause.NOT_REPORTED, Charges(), CHARGED),
    (S.UNKNOWN, S.UNKNOWN, Cause.NOT_REPORTED, Charges(), FREE),
]


def test_a_cause_decides_where_the_state_does_not(work: Work, organisation: int) -> None:
    for number, (before, after, cause, charges, outcome) in enumerate(CAUSES):
        force(work, organisation, charges)
        had = balances.of(work, organisation)
        reserved(work, organisation, campaign_id=number + 1)
        moved(work, organisation, before, after, cause_after=cause, campaign_id=number + 1)
        assert gained(work, organisation, had) == outcome, (after, cause, charges)
        moved(work, organisation, after, S.DELIVERED, cause_before=cause, campaign_id=number + 1)
        assert gained(work, organisation, had) == CHARGED


def test_a_policy_holds_from_the_launch_on(work: Work, organisation: int) -> None:
    had = balances.of(work, organisation)
    reserved(work, organisation)
    policies.change(work, organisation, Charges(undeliverable=True))
    moved(work, organisation, S.QUEUED, S.UNDELIVERABLE)
    assert gained(work, organisation, had) == FREE


def test_single_messages_are_charged_when_delivered_and_else_never(work: Work, organisation: int) -> None:
    policies.change(work, organisation, Charges(True, True, True))
    had = balances.of(work, organisation)
    reserved(work, organisation, campaign_id=None)
    moved(work, organisation, S.QUEUED, S.UNDELIVERABLE, campaign_id=None)
    assert gained(work, organisation, had) == FREE


def test_what_is_dearer_takes_what_there_is_and_the_platform_bears_the_rest(work: Work, organisation: int) -> None:
    grants.withdraw(work, organisation, balances.of(work, organisation).available - 12, "adjustment", "1", "a test")
    reserved(work, organisation)
    moved(work, organisation, S.QUEUED, S.DELIVERED, correction=Decimal(5))
    balance = balances.of(work, organisation)
    assert (balance.available, balance.spent, balance.borne) == (0, 15, 3)
    moved(work, organisation, S.DELIVERED, S.DELIVERED, units=15, correction=Decimal(-5))
    balance = balances.of(work, organisation)
    assert (balance.available, balance.spent, balance.borne) == (2, 10, 0)
    assert checking.faults(work) == []


@pytest.fixture
def scene(house: House, organisation: int) -> Scene:
    made = Scene(house, organisation)
    made.connect()
    return made


def leave(scene: Scene, units: int) -> None:
    """Leave the organisation so many units."""
    with scene.work() as work:
        rest = balances.of(work, scene.organisation).available - units
        grants.withdraw(work, scene.organisation, rest, "adjustment", f"leave {units}", "a test")


def campaign(scene: Scene, campaign_id: int) -> Campaign:
    with scene.work() as work:
        return records.find(work, Campaign, campaign_id)


def count(scene: Scene) -> int:
    with scene.work() as work:
        return int(work.session.scalar(text("SELECT count(*) FROM pulse_message WHERE state = 0")) or 0)


def test_a_campaign_spends_its_last_unit_pauses_and_goes_on_after_a_top_up(scene: Scene) -> None:
    campaign_id = scene.campaign(scene.people("a@x.org", "b@x.org", "c@x.org", "d@x.org", "e@x.org"))
    leave(scene, 2)
    scene.launch(campaign_id)
    paused = campaign(scene, campaign_id)
    assert (paused.state, paused.is_out_of_units, count(scene)) == ("paused", True, 2)
    assert "the rest takes about 3 more" in paused.reason
    with scene.work() as work:
        grants.grant(work, scene.organisation, Decimal(1), "order", "1")
    scene.run_jobs()
    assert (campaign(scene, campaign_id).state, count(scene)) == ("paused", 3)
    with scene.work() as work:
        grants.grant(work, scene.organisation, Decimal(50), "order", "2")
    scene.run_jobs()
    finished = campaign(scene, campaign_id)
    assert (finished.state, finished.is_expanded, finished.is_out_of_units, count(scene)) == ("running", True, False, 5)
    with scene.work() as work:
        assert balances.of(work, scene.organisation).reserved == 5
        assert checking.faults(work) == []


def test_a_campaign_that_a_person_paused_is_not_resumed_by_a_top_up(scene: Scene) -> None:
    campaign_id = scene.campaign(scene.people("a@x.org", "b@x.org"))
    leave(scene, 1)
    scene.launch(campaign_id)
    with scene.work() as work:
        campaigns.pause(work, campaign_id, "Not today")
    with scene.work() as work:
        grants.grant(work, scene.organisation, Decimal(50), "order", "2")
    assert campaign(scene, campaign_id).state == "paused"


def test_a_launch_that_can_pay_no_message_is_refused(scene: Scene) -> None:
    campaign_id = scene.campaign(scene.people("a@x.org"))
    leave(scene, 0)
    with pytest.raises(Refused, match="One message takes 1 units, and 0 are available"):
        scene.launch(campaign_id)


def test_a_single_message_without_units_is_refused_and_leaves_nothing(scene: Scene) -> None:
    leave(scene, 0)
    with scene.work() as work, pytest.raises(Refused, match="1 more units"):
        singles.queue(
            work, channel=work.registry.channel("postcard"), sender="Amina", address="a@x.org",
            content={"body": "Hello"}, purpose=Purpose.TRANSACTIONAL,
        )  # fmt: skip
    assert count(scene) == 0


def sent_long_ago(scene: Scene, **states: int) -> None:
    """Let the messages of these people have been handed over, and nothing be heard of them since."""
    with scene.house.work(ADMINISTRATOR) as work:
        for name, state in states.items():
            work.session.execute(
                text("UPDATE pulse_message SET state = :state WHERE address = :address"),
                {"state": state, "address": f"{name}@x.org"},
            )
        work.session.execute(text("UPDATE pulse_dispatch SET state = 'done', expires_at = now() - interval '9 days'"))


@pytest.mark.parametrize(
    ("has_receipts", "charges", "spent"),
    [(True, Charges(), 0), (True, Charges(unknown=True), 1), (True, Charges(expired=True), 1),
     (False, Charges(), 1), (False, Charges(unknown=True), 2)],
)  # fmt: skip
def test_what_nothing_is_heard_of_is_settled_once(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, has_receipts: bool, charges: Charges, spent: int
) -> None:
    if not has_receipts:
        monkeypatch.setattr(PostProvider, "capabilities", frozenset())
    with scene.house.work(ADMINISTRATOR) as work:
        force(work, scene.organisation, charges)
    scene.launch(scene.campaign(scene.people("a@x.org", "b@x.org")))
    sent_long_ago(scene, a=int(S.ACCEPTED), b=int(S.UNKNOWN))
    for _ in range(2):
        with scene.house.work(ADMINISTRATOR) as work:
            work.session.execute(text("UPDATE pulse_dispatch SET state = 'done'"))
            recovery.silent(work)
        with scene.house.work(ADMINISTRATOR) as work:
            balance = balances.of(work, scene.organisation)
            assert (balance.reserved, balance.spent) == (0, spent)
            assert reconciling.compare(work) == []
            assert checking.faults(work) == []


def test_units_that_came_back_let_a_waiting_campaign_go_on(scene: Scene) -> None:
    campaign_id = scene.campaign(scene.people("a@x.org", "b@x.org"))
    leave(scene, 1)
    scene.launch(campaign_id)
    with scene.house.work(ADMINISTRATOR) as work:
        assert grants.resume_missed(work) == 0
        moved(work, scene.organisation, S.QUEUED, S.CANCELLED, units=1, campaign_id=campaign_id)
        books.fold_all(work)
        assert grants.resume_missed(work) == 1
    scene.run_jobs()
    assert (campaign(scene, campaign_id).state, count(scene)) == ("running", 2)


def test_reconciliation_finds_a_message_that_the_books_know_nothing_of(scene: Scene) -> None:
    campaign_id = scene.campaign(scene.people("a@x.org", "b@x.org"))
    scene.launch(campaign_id)
    with scene.house.work(ADMINISTRATOR) as work, guard.platform_scope(work.session, "a test"):
        assert reconciling.compare(work) == []
        work.session.execute(text("UPDATE pulse_message SET state = 20 WHERE address = 'a@x.org'"))
        assert [(each.kind, each.expected, each.found) for each in reconciling.compare(work)] == [
            ("reserved", 1, 2),
            ("spent", 1, 0),
        ]
        assert reconciling.reconcile(work) == 2
        assert reconciling.reconcile(work) == 2
        assert work.session.scalar(text("SELECT count(*) FROM billing_difference")) == 2


def singles_of(scene: Scene, *addresses: str) -> None:
    for address in addresses:
        with scene.work() as work:
            singles.queue(
                work, channel=work.registry.channel("postcard"), sender="Amina", address=address,
                content={"body": "Hello"}, purpose=Purpose.TRANSACTIONAL,
            )  # fmt: skip


def began_before(scene: Scene) -> None:
    """Let the ledger have booked single messages on an earlier day: the first one is not compared."""
    with scene.work() as work:
        tariff = Tariff(scene.organisation, "postcard", Purpose.TRANSACTIONAL, "Amina")
        day = work.clock().date() - timedelta(days=30)
        work.registry.ledger.reserve(work, tariff, None, Decimal(1), day=day)


def differences(scene: Scene) -> list[tuple[str, int | None, bool, Decimal, Decimal]]:
    with scene.house.work(ADMINISTRATOR) as work:
        found = reconciling.compare(work)
    return [(each.kind, each.campaign_id, each.day is None, each.expected, each.found) for each in found]


def hand_over(scene: Scene, outcome: Outcome) -> None:
    """Let a worker take what is queued, and a provider answer each message like this."""
    desk = ServiceDesk(scene.house.work, "test-worker", "")
    hand = desk.hand(desk.lines()[0])
    batch = hand.turn(None, (), 1).batch
    while batch is not None:
        batch = hand.turn(batch, [outcome] * len(batch.submissions), 1).batch


def test_single_messages_are_compared_by_day(scene: Scene) -> None:
    began_before(scene)
    singles_of(scene, "a@x.org", "b@x.org", "c@x.org", "d@x.org")
    assert differences(scene) == []
    hand_over(scene, Accepted(("r",)))
    with scene.house.work(ADMINISTRATOR) as work:
        balance = balances.of(work, scene.organisation)
        assert (balance.reserved, balance.spent) == (5, 0)
    assert differences(scene) == []
    with scene.house.work(ADMINISTRATOR) as work, guard.platform_scope(work.session, "a test"):
        work.session.execute(text("UPDATE pulse_message SET state = 20 WHERE address IN ('a@x.org', 'b@x.org')"))
    assert differences(scene) == [("reserved", None, False, 2, 4), ("spent", None, False, 2, 0)]
    with scene.house.work(ADMINISTRATOR) as work, guard.platform_scope(work.session, "a test"):
        assert reconciling.reconcile(work) == 2
        days = work.session.scalars(text("SELECT DISTINCT day FROM billing_difference")).all()
        made = work.session.scalars(text("SELECT min(id) FROM pulse_message")).one()
        assert days == [ids.moment(made).date()]


@pytest.mark.parametrize("end", ["rejected", "delivered", "expired", "silent", "given up"])
def test_every_end_of_a_single_message_is_booked_on_its_day(scene: Scene, end: str) -> None:
    began_before(scene)
    singles_of(scene, "a@x.org")
    if end == "rejected":
        hand_over(scene, Rejected("no_such_address", error=ErrorClass.RECIPIENT))
    elif end == "delivered":
        hand_over(scene, Accepted(("r1",)))
        with scene.house.work(ADMINISTRATOR) as work:
            connection_id = work.session.scalars(text("SELECT id FROM pulse_connection")).one()
            assert receipts.apply(work, connection_id, [Receipt("r1", S.DELIVERED)]) == 0
    else:
        with scene.house.work(ADMINISTRATOR) as work:
            if end == "silent":
                sent_long_ago(scene, a=int(S.ACCEPTED))
                recovery.silent(work)
            elif end == "expired":
                work.session.execute(text("UPDATE pulse_dispatch SET expires_at = now() - interval '1 day'"))
                leaving.expire_step(work)
            else:
                work.session.execute(text(
                    "UPDATE pulse_dispatch SET state = 'claimed', cursor = last_id, lease_until = now() - interval '1s'"
                ))  # fmt: skip
                recovery.leases(work)
    with scene.house.work(ADMINISTRATOR) as work:
        moved_on = work.session.execute(
            text("SELECT day, reserved FROM billing_entry WHERE kind = 'settle' AND organisation_id = :here"),
            {"here": scene.organisation},
        ).all()
        made = ids.moment(work.session.scalars(text("SELECT min(id) FROM pulse_message")).one()).date()
    assert moved_on == ([] if end == "given up" else [(made, -1)])
    assert differences(scene) == []
