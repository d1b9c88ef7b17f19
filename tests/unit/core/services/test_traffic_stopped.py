"""Inflated traffic is stopped where an organisation asks for it: at its limit, exactly, and with a notice."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select

from connectpulse.core.domain.contracts import Purpose
from connectpulse.core.errors import Refused, Wait
from connectpulse.core.services import singles
from connectpulse.core.services.traffic import stopping
from connectpulse.core.services.work import SYSTEM
from connectpulse.core.storage import guard
from connectpulse.core.storage.models import Notice, Organisation
from connectpulse.house import House
from connectpulse.testing import factories

RANGE = "+223701"


def limit(house: House, organisation: int, number: int | None) -> None:
    with house.work(factories.ADMINISTRATOR) as work:
        work.session.get_one(Organisation, organisation).range_limit = number


def send(house: House, organisation: int, number: int, beginning: str = RANGE) -> bool:
    """Ask for a message of no campaign; return whether it may go."""
    try:
        with house.work(factories.ADMINISTRATOR, organisation) as work:
            stopping.take(work, "sms", f"{beginning}{number:05}")
    except Wait:
        return False
    return True


def sweep(house: House) -> int:
    with house.work(SYSTEM) as work, guard.platform_scope(work.session, "test"):
        return stopping.watch(work)


def notices(house: House) -> list[Notice]:
    with house.work(factories.ADMINISTRATOR) as work:
        found = select(Notice).where(Notice.kind == stopping.KIND, Notice.ended_at.is_(None))
        return list(work.session.scalars(found))


def test_of_five_hundred_to_one_range_twenty_go(house: House, organisation: int) -> None:
    limit(house, organisation, 20)
    began = house.clock()
    house.clock = lambda: began
    with ThreadPoolExecutor(5) as pool:
        sent = list(pool.map(lambda number: send(house, organisation, number), range(500)))
    assert sent.count(True) == 20
    assert send(house, organisation, 1, "+923001"), "another range is other people"
    assert send(house, factories.organisation(house), 1), "and another organisation has a limit of its own, or none"
    assert sweep(house) == 1
    assert sweep(house) == 0, "one matter, one notice"
    [notice] = notices(house)
    assert (notice.organisation_id, notice.level) == (organisation, "alarm")
    assert RANGE in notice.body


def test_after_a_while_messages_go_again_and_the_notice_ends(house: House, organisation: int) -> None:
    limit(house, organisation, 20)
    began = house.clock()
    house.clock = lambda: began
    assert [send(house, organisation, number) for number in range(21)] == [True] * 20 + [False]
    assert sweep(house) == 1
    house.clock = lambda: began + timedelta(minutes=3)
    assert [send(house, organisation, number) for number in range(2)] == [True, False], "an hour's twentieth is over"
    house.clock = lambda: began + timedelta(hours=1, minutes=3)
    assert sweep(house) == 0
    assert notices(house) == []
    assert [send(house, organisation, number) for number in range(21)] == [True] * 20 + [False]


@pytest.mark.parametrize("number", [1, 7, 3600, 100_000])
def test_any_limit_lets_exactly_so_many_go_at_once(house: House, organisation: int, number: int) -> None:
    limit(house, organisation, number)
    began = house.clock()
    house.clock = lambda: began
    tried = min(number, 40)
    assert [send(house, organisation, each) for each in range(tried)] == [True] * tried
    assert send(house, organisation, 41) is (number > 40)


@pytest.mark.parametrize("is_owed", [False, True])
def test_a_message_is_refused_in_words_and_what_people_are_owed_goes_out(
    house: House, organisation: int, is_owed: bool
) -> None:
    limit(house, organisation, 1)
    assert send(house, organisation, 1)
    wanted = "No route carries" if is_owed else "At most 1 an hour may go to numbers beginning with \\+223701"
    with house.work(factories.ADMINISTRATOR, organisation) as work, pytest.raises(Refused, match=wanted):
        singles.queue(
            work, channel=work.registry.channel("sms"), sender="Pulse", address=f"{RANGE}00001",
            content={"body": "Your code is 1234"}, purpose=Purpose.TRANSACTIONAL, is_owed=is_owed,
        )  # fmt: skip


def test_without_a_limit_nothing_is_stopped(house: House, organisation: int) -> None:
    assert all(send(house, organisation, number) for number in range(40))
    assert sweep(house) == 0
