"""Inflated traffic: an alarm when far more than usual goes to one range of numbers, and none for what is usual."""

from datetime import date, timedelta

import pytest
from sqlalchemy import insert, select, text

from connectpulse.core.domain.message import MessageState
from connectpulse.core.domain.roles import ORGANISATION_ADMINISTRATOR, PLATFORM_ADMINISTRATOR
from connectpulse.core.services.traffic import watch
from connectpulse.core.services.work import SYSTEM
from connectpulse.core.storage import guard, ids
from connectpulse.core.storage.models import Message, Notice, RangePeak
from connectpulse.house import House
from connectpulse.testing import factories

RANGE = "+223701"


def messages(house: House, organisation: int, count: int, beginning: str = RANGE, **values: object) -> None:
    """Let so many messages of no campaign be made now, to numbers that follow each other."""
    with house.work(SYSTEM, organisation) as work:
        now, first = work.clock(), ids.blocks(work.session.connection(), 1)[0]
        row = {
            "organisation_id": organisation, "changed_at": now, "state": MessageState.DELIVERED, "parts": 1,
            "quantity": 1, "units": 1, "channel": "sms", "sender": "Pulse", "body": "Your code is 1234",
        } | values  # fmt: skip
        rows = [row | {"id": first + n, "address": f"{beginning}{n:05}"} for n in range(count)]
        work.session.execute(insert(Message), rows)


def usual(house: House, organisation: int, peaks: list[int], beginning: str = RANGE) -> None:
    """Let the busiest hours of the days before today have had so many messages."""
    with house.work(SYSTEM, organisation) as work:
        for back, peak in enumerate(peaks, 1):
            day: date = (work.clock() - timedelta(days=back)).date()
            work.session.add(
                RangePeak(organisation_id=organisation, channel="sms", beginning=beginning, day=day, messages=peak,
                          seen_at=work.clock() - timedelta(days=back))
            )  # fmt: skip


def sweep(house: House) -> int:
    with house.work(SYSTEM) as work, guard.platform_scope(work.session, "test"):
        return watch.watch(work)


def notices(house: House) -> list[Notice]:
    with house.work(factories.ADMINISTRATOR) as work:
        found = select(Notice).where(Notice.kind == watch.KIND, Notice.ended_at.is_(None)).order_by(Notice.id)
        return list(work.session.scalars(found))


def test_numbers_that_follow_each_other_raise_the_alarm_once(house: House, organisation: int) -> None:
    messages(house, organisation, watch.LEAST)
    assert sweep(house) == 1
    assert sweep(house) == 0, "one matter, one notice"
    own, platform = notices(house)
    assert (own.organisation_id, own.roles, own.level) == (organisation, [ORGANISATION_ADMINISTRATOR], "alarm")
    assert (platform.organisation_id, platform.roles) == (None, [PLATFORM_ADMINISTRATOR])
    assert f"200 sms messages to numbers beginning with {RANGE}; nothing is usual there yet." in own.body
    with house.work(SYSTEM) as work:
        found = work.session.execute(text("SELECT verb, object_name, organisation_id FROM pulse_audit")).all()
    assert (watch.KIND, RANGE, organisation) in [tuple(row) for row in found]


def test_fewer_are_no_alarm_and_neither_are_those_of_a_campaign(house: House, organisation: int) -> None:
    messages(house, organisation, watch.LEAST - 1)
    messages(house, organisation, 500, campaign_id=1)
    messages(house, organisation, 500, "+223999", state=MessageState.SKIPPED)
    messages(house, organisation, 500, "someone@example", channel="email")
    assert sweep(house) == 0


def test_many_messages_over_many_ranges_are_people(house: House, organisation: int) -> None:
    for n in range(10):
        messages(house, organisation, 150, f"+92300{n}")
    assert sweep(house) == 0


@pytest.mark.parametrize(("peaks", "raised"), [([60, 50, 50], 0), ([60, 19, 20], 1), ([20, 30], 1)])
def test_what_is_usual_is_the_middle_of_some_days(
    house: House, organisation: int, peaks: list[int], raised: int
) -> None:
    usual(house, organisation, peaks)
    messages(house, organisation, 300)
    assert sweep(house) == raised


def test_one_day_of_fraud_makes_nothing_usual(house: House, organisation: int) -> None:
    usual(house, organisation, [5000, 4, 4])
    messages(house, organisation, 300)
    assert sweep(house) == 1


def test_what_is_usual_for_one_organisation_is_not_for_another(house: House, organisation: int) -> None:
    other = factories.organisation(house)
    usual(house, other, [900, 900, 900])
    messages(house, other, 300)
    messages(house, organisation, 300)
    assert sweep(house) == 1
    assert {each.organisation_id for each in notices(house)} == {organisation, None}


def test_the_alarm_ends_once_the_hour_is_over(house: House, organisation: int) -> None:
    messages(house, organisation, 300)
    assert sweep(house) == 1
    now = house.clock()
    house.clock = lambda: now + timedelta(minutes=61)
    assert sweep(house) == 0
    assert notices(house) == []


def test_the_busiest_hour_of_a_day_is_remembered(house: House, organisation: int) -> None:
    messages(house, organisation, 30)
    sweep(house)
    messages(house, organisation, 20)
    sweep(house)
    now = house.clock()
    house.clock = lambda: now + timedelta(minutes=61)
    sweep(house)
    with house.work(SYSTEM, organisation) as work:
        assert list(work.session.scalars(select(RangePeak.messages))) == [50]
