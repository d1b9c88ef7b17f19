"""Units come once per order, on proof alone: whatever is repeated, forged, stale, raced, killed or out of order."""

import time
from dataclasses import replace
from decimal import Decimal
from itertools import permutations
from threading import Barrier, Thread

import pytest
from buying_scene import (
    GATEWAY,
    apply_all,
    deliver,
    disputed,
    gained,
    knock,
    ordered,
    paid,
    refunded,
    set_up,
    signed,
    state,
)
from connectpulse_billing.buying import events
from connectpulse_billing.buying.gateways.base import Forged
from connectpulse_billing.buying.models import PaymentEvent
from sqlalchemy import func, select, text

from connectpulse.core.api import NotFound, Refused
from connectpulse.house import House
from connectpulse.testing.factories import ADMINISTRATOR

pytestmark = pytest.mark.metered


@pytest.fixture(autouse=True)
def open_gateway(house: House) -> None:
    set_up(house)


def stored(house: House) -> int:
    with house.work(ADMINISTRATOR) as work:
        return work.session.scalar(select(func.count()).select_from(PaymentEvent)) or 0


def test_a_webhook_delivered_ten_times_grants_once(house: House, organisation: int) -> None:
    begun = ordered(house, organisation)
    for _ in range(10):
        deliver(house, paid(begun))
    assert gained(house, organisation, begun) == begun.units
    assert state(house, begun) == ("paid", "paid")
    assert stored(house) == 1


def test_two_events_about_one_payment_grant_once(house: House, organisation: int) -> None:
    begun = ordered(house, organisation)
    deliver(house, paid(begun))
    deliver(house, paid(begun, id="evt_2"))
    assert gained(house, organisation, begun) == begun.units


def die_while_applying(house: House) -> None:
    """Grant, and die before that is committed."""
    with house.work(GATEWAY) as work:
        assert events.apply(work, events.due(work)[0])
        raise ZeroDivisionError


def test_storing_alone_grants_nothing_and_a_kill_before_granting_loses_nothing(house: House, organisation: int) -> None:
    begun = ordered(house, organisation)
    knock(house, signed(paid(begun)))
    assert gained(house, organisation, begun) == 0
    with pytest.raises(ZeroDivisionError):
        die_while_applying(house)
    assert gained(house, organisation, begun) == 0
    assert apply_all(house) == 1
    assert gained(house, organisation, begun) == begun.units
    assert apply_all(house) == 0


def test_what_is_forged_or_stale_grants_nothing(house: House, organisation: int) -> None:
    begun = ordered(house, organisation)
    body = paid(begun)
    for came in (
        signed(body, secret="whsec_other"),
        signed(body, at=int(time.time()) - 301),
        signed(body, secret=""),
        replace(signed(body), body=paid(begun, amount=1)),
        replace(signed(body), headers={}),
        replace(signed(body), headers={"Stripe-Signature": "t=1,v1="}),
        replace(signed(b"[]"), headers=signed(body).headers),
    ):
        with pytest.raises(Forged):
            knock(house, came)
    assert stored(house) == 0
    assert apply_all(house) == 0
    assert gained(house, organisation, begun) == 0


def test_a_replay_for_another_order_grants_nothing_more(house: House, organisation: int) -> None:
    first, second = ordered(house, organisation), ordered(house, organisation, reference="r-2")
    deliver(house, paid(first))
    with pytest.raises(Refused, match="otherwise"):
        knock(house, signed(paid(second)))  # the same event, about another order
    assert gained(house, organisation, first) == first.units
    assert state(house, second)[0] == "awaiting"


def test_another_sum_or_currency_grants_nothing(house: House, organisation: int) -> None:
    for number, (amount, currency) in enumerate([(99_999, "pkr"), (100_001, "pkr"), (100_000, "usd")]):
        begun = ordered(house, organisation, reference=f"r-{number}")
        deliver(house, paid(begun, amount=amount, currency=currency, id=f"evt_{number}"))
        assert gained(house, organisation, begun) == 0
        assert state(house, begun) == ("awaiting", "differs")


def test_sixteen_threads_that_deliver_at_once_grant_once(house: House, organisation: int) -> None:
    begun = ordered(house, organisation)
    together, faults = Barrier(16), []

    def go(number: int) -> None:
        try:
            together.wait(20)
            deliver(house, paid(begun, id=f"evt_{number % 4}"))
        except Exception as error:
            faults.append(error)

    threads = [Thread(target=go, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert faults == []
    apply_all(house)
    assert gained(house, organisation, begun) == begun.units
    assert stored(house) == 4


def later(house: House) -> None:
    """Let everything that waits be due again."""
    with house.work(ADMINISTRATOR) as work:
        work.session.execute(text("UPDATE billing_payment_event SET due_at = now()"))


def test_whatever_order_news_comes_in_the_end_is_the_same(house: House, organisation: int) -> None:
    for number, order_of in enumerate(permutations(range(3))):
        begun = ordered(house, organisation, reference=f"r-{number}")
        payment = f"pi_{number}"
        news = [
            paid(begun, id=f"evt_{number}", payment=payment),
            refunded(25_000, id=f"re_{number}", payment=payment),
            disputed("created", "needs_response", id=f"dp_{number}", payment=payment),
        ]
        for each in order_of:
            deliver(house, news[each])
        for _ in range(2):
            later(house)
            apply_all(house)
        assert gained(house, organisation, begun) == 0, order_of
        assert state(house, begun) == ("reversed", "paid"), order_of


def test_partial_refunds_take_back_their_share_to_the_last_unit(house: House, organisation: int) -> None:
    begun = ordered(house, organisation, units=Decimal(1))
    deliver(house, paid(begun))
    for number, rest in ((1, "0.6667"), (2, "0.3333")):
        for _ in range(2):
            deliver(house, refunded(33_333, id=f"re_{number}"))
        assert gained(house, organisation, begun) == Decimal(rest)
    deliver(house, refunded(33_334, id="re_3"))
    assert gained(house, organisation, begun) == 0
    assert state(house, begun)[0] == "reversed"


def test_a_dispute_that_is_won_gives_the_units_again(house: House, organisation: int) -> None:
    for number, is_told_first in enumerate((True, False)):
        begun, payment = ordered(house, organisation, reference=f"r-{number}"), f"pi_{number}"
        deliver(house, paid(begun, id=f"evt_{number}", payment=payment))
        news = [disputed("created", "needs_response", id=payment, payment=payment),
                disputed("closed", "won", id=payment, payment=payment)]  # fmt: skip
        for each in reversed(news) if is_told_first else news:
            deliver(house, each)
        assert gained(house, organisation, begun) == begun.units
        assert state(house, begun)[0] == "paid"


def test_news_that_leads_nowhere_waits_and_is_kept(house: House, organisation: int) -> None:
    begun = ordered(house, organisation)
    deliver(house, refunded(100, payment="pi_of_somebody"))
    assert gained(house, organisation, begun) == 0
    with house.work(ADMINISTRATOR) as work:
        found = work.session.scalars(select(PaymentEvent)).one()
        assert (found.state, found.tries) == ("waiting", 1)


def test_a_gateway_that_is_not_set_up_has_no_door(house: House, organisation: int) -> None:
    begun = ordered(house, organisation)
    for rest in ("nobody", "jazzcash", "stripe/more", "", "\x00", "stripe/back/\x00", "stripe/back"):
        came = signed(paid(begun))
        with pytest.raises(NotFound):
            knock(house, type(came)(came.method, rest, came.url, came.headers, came.query, came.body))
