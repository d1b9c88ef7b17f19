"""Acts of two people: nobody approves their own, nothing is done twice, and everything is written down."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from connectpulse.core.errors import NotFound, PulseError, Refused
from connectpulse.core.services import four_eyes
from connectpulse.core.services.work import SYSTEM, Actor, Work
from connectpulse.core.storage import guard
from connectpulse.core.storage.models import AuditEntry, Decision
from connectpulse.house import House

AMINA, BILAL = Actor("user", "Amina", 1), Actor("user", "Bilal", 2)


@pytest.fixture
def done(house: House) -> list[tuple[int, Mapping[str, Any]]]:
    found: list[tuple[int, Mapping[str, Any]]] = []

    def perform(work: Work, subject_id: int, facts: Mapping[str, Any]) -> None:
        found.append((subject_id, facts))

    house.registry.acts["vault.open"] = four_eyes.Act("vault.open", "Open the vault", "System", perform)
    return found


def _ask(house: House, organisation: int | None = None) -> int:
    with house.work(AMINA, organisation) as work:
        return four_eyes.ask(work, "vault.open", 7, "Open vault 7", "It is Monday", door="left").id


def test_a_second_person_lets_it_be_done_once(house: House, done: list[Any]) -> None:
    decision = _ask(house)
    with pytest.raises(Refused, match="second person"), house.work(AMINA) as work:
        four_eyes.approve(work, decision)
    with pytest.raises(Refused, match="second person"), house.work(SYSTEM) as work:
        four_eyes.approve(work, decision)
    assert done == []
    with house.work(BILAL) as work:
        four_eyes.approve(work, decision)
    with pytest.raises(Refused, match="already"), house.work(BILAL) as work:
        four_eyes.approve(work, decision)
    assert done == [(7, {"door": "left"})]
    with house.work(SYSTEM) as work, guard.platform_scope(work.session, "test"):
        verbs = list(work.session.scalars(select(AuditEntry.verb).order_by(AuditEntry.id)))
    assert verbs == ["decision.asked", "decision.approved"]


def test_two_clicks_at_the_same_time_do_it_once(house: House, done: list[Any]) -> None:
    decision = _ask(house)

    def click(number: int) -> bool:
        try:
            with house.work(Actor("user", f"Person {number}", 10 + number)) as work:
                four_eyes.approve(work, decision)
        except PulseError:
            return False
        return True

    with ThreadPoolExecutor(5) as pool:
        assert sum(pool.map(click, range(5))) == 1
    assert len(done) == 1


def test_it_is_asked_once_and_with_a_reason(house: House, done: list[Any]) -> None:
    with pytest.raises(Refused, match="why"), house.work(AMINA) as work:
        four_eyes.ask(work, "vault.open", 7, "Open", " ")
    with pytest.raises(Refused, match="panel"), house.work(SYSTEM) as work:
        four_eyes.ask(work, "vault.open", 7, "Open", "Because")
    _ask(house)
    with pytest.raises(Refused, match="already"):
        _ask(house)


def test_a_refusal_ends_it_and_it_can_be_asked_again(house: House, done: list[Any]) -> None:
    decision = _ask(house)
    with house.work(BILAL) as work:
        four_eyes.refuse(work, decision, "Not today")
    assert done == []
    assert _ask(house) != decision


def test_another_organisation_sees_no_decision(house: House, organisation: int, done: list[Any]) -> None:
    decision = _ask(house, organisation)
    with pytest.raises(NotFound), house.work(BILAL, organisation + 1) as work:
        four_eyes.approve(work, decision)


def test_what_nobody_decides_expires(house: House, done: list[Any]) -> None:
    decision = _ask(house)
    house.clock = lambda: four_eyes_time + four_eyes.OPEN_FOR + timedelta(hours=1)
    with house.sessions() as session:
        four_eyes_time = session.get_one(Decision, decision).expires_at - four_eyes.OPEN_FOR
    with pytest.raises(Refused, match="in time"), house.work(BILAL) as work:
        four_eyes.approve(work, decision)
    with house.work(SYSTEM) as work:
        assert four_eyes.expire(work) == 1
        assert four_eyes.expire(work) == 0
    assert done == []
