"""A commit whose answer is lost: nobody knows whether it happened, and either way nothing may go wrong."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import OperationalError

from connectpulse.core.services.desk import ServiceDesk
from connectpulse.core.services.work import Actor, Work
from connectpulse.core.storage import guard
from connectpulse.core.storage.models import Dispatch
from connectpulse.house import House
from connectpulse.testing.factories import ADMINISTRATOR
from tests.journeys.test_postcards import campaign_state, figures, launch, prepare
from tests.plugins import postcard


class Lossy:
    """Opens work as the house does; after `lose` the next commit happens and its answer does not arrive."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._loses = False

    def lose(self) -> None:
        self._loses = True

    @contextmanager
    def __call__(self, actor: Actor, organisation: int | None = None) -> Iterator[Work]:
        with self._house.work(actor, organisation) as work:
            yield work
        if self._loses:
            self._loses = False
            raise OperationalError("COMMIT", None, psycopg.OperationalError("the connection is lost"))


@pytest.fixture
def lossy(post_house: House) -> Lossy:
    return Lossy(post_house)


def test_a_claim_in_doubt_is_given_back_and_every_message_handed_over_once(
    post_house: House, organisation: int, lossy: Lossy
) -> None:
    campaign_id = prepare(post_house, organisation, [f"p{n}@x.org" for n in range(30)])
    launch(post_house, organisation, campaign_id)
    desk = ServiceDesk(lossy, "test-worker", "")
    hand = desk.hand(desk.lines()[0])
    batch, outcomes, taken = None, [], []
    for turn in range(20):
        if turn % 2:
            lossy.lose()
            with pytest.raises(OperationalError):
                hand.turn(batch, outcomes, 7)
        batch = hand.turn(batch, outcomes, 7).batch
        if batch is None:
            break
        taken += [each.message_id for each in batch.submissions]
        outcomes = [postcard.Accepted((f"P{each.message_id}",)) for each in batch.submissions]
    assert len(taken) == len(set(taken)) == 30
    assert campaign_state(post_house, organisation, campaign_id) == "finished"
    assert figures(post_house, organisation, campaign_id) == {"state:accepted": 30, "parts": 30, "units": 30}


def test_a_dispatch_nobody_knows_to_hold_does_not_stay_claimed(
    post_house: House, organisation: int, lossy: Lossy
) -> None:
    campaign_id = prepare(post_house, organisation, ["p@x.org"])
    launch(post_house, organisation, campaign_id)
    desk = ServiceDesk(lossy, "test-worker", "")
    hand = desk.hand(desk.lines()[0])
    lossy.lose()
    with pytest.raises(OperationalError):
        hand.turn(None, (), 8)
    assert _state(post_house) == "claimed"
    hand.put_back()
    assert _state(post_house) == "ready"


def test_only_hands_that_live_keep_their_claims(post_house: House, organisation: int) -> None:
    campaign_id = prepare(post_house, organisation, ["p@x.org"])
    launch(post_house, organisation, campaign_id)
    dead, living = (ServiceDesk(post_house.work, name, "") for name in ("dead-worker", "living-worker"))
    dead.hand(dead.lines()[0]).turn(None, (), 8)
    for desk, is_kept in ((living, False), (dead, True)):
        with post_house.work(ADMINISTRATOR) as work:
            work.session.execute(text("UPDATE pulse_dispatch SET lease_until = now() + interval '1 second'"))
        desk.keep({})
        with post_house.work(ADMINISTRATOR) as work:
            left = work.session.scalar(text("SELECT lease_until > now() + interval '5 seconds' FROM pulse_dispatch"))
            assert left is is_kept


def test_what_is_out_is_recorded_though_the_dispatch_was_taken_over(post_house: House, organisation: int) -> None:
    campaign_id = prepare(post_house, organisation, [f"p{n}@x.org" for n in range(30)])
    launch(post_house, organisation, campaign_id)
    desk = ServiceDesk(post_house.work, "slow-worker", "")
    hand = desk.hand(desk.lines()[0])
    first, second = (hand.turn(None, (), 4).batch for _ in range(2))
    with post_house.work(ADMINISTRATOR) as work:
        work.session.execute(text("UPDATE pulse_dispatch SET worker = 'quick-worker'"))
    for batch in (first, second):
        assert batch is not None
        answers = [postcard.Accepted((f"P{each.message_id}",)) for each in batch.submissions]
        assert hand.turn(batch, answers, 4).batch is None
    assert figures(post_house, organisation, campaign_id)["state:accepted"] == 8
    assert _state(post_house) == "claimed"


def _state(house: House) -> str:
    with house.work(ADMINISTRATOR) as work, guard.platform_scope(work.session, "test"):
        return work.session.scalars(select(Dispatch.state)).one()
