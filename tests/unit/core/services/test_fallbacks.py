"""Orders of channels: who begins where, who goes on and when, and never two live messages to one person."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from connectpulse.core.domain.message import MessageState
from connectpulse.core.domain.outcome import ErrorClass, Rejected
from connectpulse.core.errors import Refused
from connectpulse.core.services import campaigns, consents, moving, suppressions
from connectpulse.core.services.campaigns import FallbackDraft
from connectpulse.house import House
from tests.unit.core.services.order_scene import Order, order_house

S = MessageState
ZARA, OMAR = ("+923001111111", "zara@x.org"), ("+923002222222", "omar@x.org")
HALF_AN_HOUR = timedelta(minutes=30)


@pytest.fixture
def house(database_url: str) -> Iterator[House]:
    with order_house(database_url) as made:
        yield made


@pytest.fixture
def order(house: House) -> Order:
    return Order(house)


@pytest.mark.parametrize("ending", [S.UNDELIVERABLE, S.EXPIRED, S.FAILED, S.REJECTED])
def test_whom_the_first_message_does_not_reach_gets_the_next(order: Order, ending: S) -> None:
    order.people(ZARA, OMAR)
    order.launch()
    assert order.hand_over("pigeon") == [ZARA[0], OMAR[0]]
    assert order.hand_over("postcard") == []
    assert order.state() == "running"
    order.tell("pigeon", ending)
    assert order.move() == 1
    assert order.move() == 0
    assert order.hand_over("postcard") == [OMAR[1], ZARA[1]]
    order.tell("postcard", S.DELIVERED)
    order.tell("pigeon", ending)
    assert order.states() == [("pigeon", ending.label)] * 2 + [("postcard", "delivered")] * 2
    assert [each.previous_id for each in order.messages()[2:]] == [each.id for each in order.messages()[:2]]
    assert order.ways() == [("moved", ending.label)] * 2
    assert order.figures() == {
        "state:delivered": 2, f"state:{ending.label}": 2, f"0:state:{ending.label}": 2, "1:state:delivered": 2,
        "1:moved": 2, f"reason:{ending.label}": 2, "parts": 4, "units": 4,
    }  # fmt: skip
    assert order.state() == "finished"


def test_what_is_delivered_ends_the_order(order: Order) -> None:
    order.people(ZARA)
    order.launch()
    order.hand_over("pigeon")
    order.tell("pigeon", S.SENT)
    assert order.ways() == [("waiting", "")]
    order.tell("pigeon", S.DELIVERED)
    assert (order.move(), order.ways(), order.states()) == (0, [], [("pigeon", "delivered")])
    order.sweep()
    assert order.state() == "finished"


def test_only_chosen_endings_move_on(order: Order) -> None:
    order.people(ZARA, OMAR)
    order.launch(order.draft(outcomes=["expired"]))
    order.hand_over("pigeon", lambda address: Rejected("no_such_number", ErrorClass.RECIPIENT, "404"))
    assert (order.move(), order.ways()) == (0, [])
    assert order.state() == "finished"


def test_a_refusal_moves_on_at_once(order: Order) -> None:
    order.people(ZARA)
    order.launch()
    order.hand_over("pigeon", lambda address: Rejected("no_such_number", ErrorClass.RECIPIENT, "404"))
    assert order.state() == "running"
    order.move()
    assert order.hand_over("postcard") == [ZARA[1]]
    assert order.state() == "finished"


def test_who_is_not_reached_in_time_goes_on_and_is_taken_back(order: Order) -> None:
    order.people(ZARA, OMAR)
    order.launch(order.draft(after_minutes=30))
    order.hand_over("pigeon")
    order.later(HALF_AN_HOUR - timedelta(seconds=1))
    assert order.move() == 0
    order.later(timedelta(seconds=1))
    order.move()
    assert order.states() == [("pigeon", "accepted")] * 2 + [("postcard", "queued")] * 2
    order.tell("pigeon", S.DELIVERED)
    assert order.hand_over("postcard") == []
    assert order.states() == [("pigeon", "delivered")] * 2 + [("postcard", "cancelled")] * 2
    assert {each.reason for each in order.messages()[2:]} == {"delivered_before"}
    order.sweep()
    assert order.state() == "finished"


def test_a_late_delivery_is_recorded_beside_one_that_went_out(order: Order) -> None:
    order.people(ZARA)
    order.launch(order.draft(after_minutes=30))
    order.hand_over("pigeon")
    order.later(HALF_AN_HOUR)
    order.move()
    order.hand_over("postcard")
    order.tell("pigeon", S.DELIVERED)
    assert order.states() == [("pigeon", "delivered"), ("postcard", "accepted")]


def test_one_that_waits_for_another_attempt_is_ended_before_the_next_is_made(order: Order) -> None:
    order.people(ZARA)
    order.launch(order.draft(after_minutes=30))
    order.hand_over("pigeon")
    order.tell("pigeon", S.UNDELIVERABLE, again=timedelta(hours=2))
    assert order.states() == [("pigeon", "queued")]
    order.later(HALF_AN_HOUR)
    order.move()
    assert order.states() == [("pigeon", "expired"), ("postcard", "queued")]
    order.later(timedelta(hours=2))
    assert order.hand_over("pigeon") == []


def test_a_channel_that_never_reports_ends_the_order(house: House) -> None:
    order = Order(house, "deaf")
    order.people(ZARA)
    order.launch(order.draft(after_minutes=30))
    order.hand_over("pigeon")
    assert (order.ways(), order.state()) == ([], "finished")


def test_silence_moves_on_when_it_expires(order: Order) -> None:
    order.people(ZARA)
    order.launch()
    order.hand_over("pigeon")
    order.later(timedelta(days=3))
    order.sweep()
    order.move()
    assert order.states() == [("pigeon", "expired"), ("postcard", "queued")]


def test_everybody_begins_where_they_may_be_written_to(order: Order) -> None:
    """Without a number, without consent, suppressed on one channel, on all of them, without any address."""
    order.people(
        ZARA, ("post@x.org",), OMAR, ("+923003333333", "bilal@x.org"), ("+923004444444", "stop@x.org"),
        ("+923005555555",),
    )  # fmt: skip
    with order.scene.work() as work:
        for number in (ZARA[0], "+923003333333", "+923004444444"):
            consents.give(work, "phone", number, "*", "*", "said yes")
        suppressions.add(work, "phone", "+923003333333", reason="opted_out", source="test", channel="pigeon")
        suppressions.add(work, "phone", "+923004444444", reason="opted_out", source="test", purpose="promotional")
    order.launch(order.draft("Offer of the day"))
    assert order.hand_over("pigeon") == [ZARA[0]]
    assert order.hand_over("postcard") == ["bilal@x.org", OMAR[1], "post@x.org"]
    assert order.figures()["skipped:opted_out"] == 1
    assert order.figures()["skipped:no_consent"] == 1
    order.tell("pigeon", S.EXPIRED)
    order.move()
    assert order.hand_over("postcard") == [ZARA[1]]


def test_who_cannot_be_carried_any_further_ends_there(order: Order) -> None:
    order.people((ZARA[0],), OMAR)
    order.launch()
    order.hand_over("pigeon")
    with order.scene.work() as work:
        suppressions.add(work, "phone", OMAR[0], reason="opted_out", source="test", purpose="promotional")
    order.tell("pigeon", S.UNDELIVERABLE)
    order.move()
    assert order.ways() == [("ended", "no_address"), ("ended", "opted_out")]
    assert (order.state(), order.figures()["1:ended"]) == ("finished", 2)


def test_who_is_left_out_at_the_last_moment_goes_on(order: Order) -> None:
    order.people(ZARA, OMAR)
    order.launch()
    with order.scene.work() as work:
        suppressions.add(work, "phone", ZARA[0], reason="undeliverable", source="test", channel="pigeon")
        suppressions.add(work, "phone", OMAR[0], reason="opted_out", source="test", purpose="promotional")
    assert order.hand_over("pigeon") == []
    order.move()
    assert order.hand_over("postcard") == [ZARA[1]]
    assert order.ways() == [("moved", "undeliverable"), ("ended", "opted_out")]


def test_a_pause_keeps_people_and_a_cancellation_lets_nobody_go_on(order: Order) -> None:
    order.people(ZARA, OMAR)
    order.launch()
    order.hand_over("pigeon")
    with order.scene.work() as work:
        campaigns.pause(work, order.campaign)
    order.tell("pigeon", S.FAILED)
    assert order.move() == 0
    with order.scene.work() as work:
        campaigns.resume(work, order.campaign)
    assert order.move() == 1
    with order.scene.work() as work:
        campaigns.cancel(work, order.campaign)
    order.scene.run_jobs()
    assert order.hand_over("postcard") == []
    assert order.states()[2:] == [("postcard", "cancelled")] * 2


def test_a_cancelled_campaign_forgets_who_was_on_the_way(order: Order) -> None:
    order.people(ZARA)
    order.launch()
    order.hand_over("pigeon")
    order.tell("pigeon", S.FAILED)
    with order.scene.work() as work:
        campaigns.cancel(work, order.campaign)
    order.scene.run_jobs()
    assert (order.move(), order.ways()) == (0, [])


def test_a_kill_between_the_ending_and_the_next_message_leaves_one_next(
    order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    order.people(ZARA, OMAR)
    order.launch()
    order.hand_over("pigeon")
    order.tell("pigeon", S.FAILED)

    def killed(*arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(moving, "_moved", killed)  # after the messages were written, before the row says so
        with pytest.raises(KeyboardInterrupt):
            order.move()
    assert len(order.states()) == 2
    for _ in range(2):
        order.move()
    assert order.hand_over("postcard") == [OMAR[1], ZARA[1]]
    assert order.count("SELECT count(DISTINCT previous_id) FROM pulse_message WHERE fallback = 1") == 2


REFUSED = [
    ({"outcomes": []}, "choose at least one ending"),
    ({"outcomes": ["delivered"]}, "choose at least one ending"),
    ({"after_minutes": 0}, "between a minute and 7 days"),
]


@pytest.mark.parametrize(("given", "why"), REFUSED)
def test_an_order_that_makes_no_sense_is_refused(order: Order, given: dict[str, object], why: str) -> None:
    order.people(ZARA)
    draft = order.draft(**given)  # type: ignore[arg-type]
    with pytest.raises(Refused, match=why), order.scene.work() as work:
        campaigns.create(work, draft)


def test_a_channel_stands_once_in_an_order(order: Order) -> None:
    order.people(ZARA)
    draft = order.draft()
    again = FallbackDraft(draft.template_id, draft.sender_id)
    for fallbacks in ([again], [*draft.fallbacks, *draft.fallbacks]):
        with pytest.raises(Refused, match="Each channel stands once"), order.scene.work() as work:
            campaigns.create(work, replace(draft, fallbacks=fallbacks))
