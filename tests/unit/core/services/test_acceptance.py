"""Who accepted the policy: by going on once it holds, by a button where it matters, and never before the day."""

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from connectpulse.core.domain.retention import Subject
from connectpulse.core.errors import NotFound, Refused
from connectpulse.core.services import policy
from connectpulse.core.services.policy import acceptance, versions
from connectpulse.core.services.work import SYSTEM, Actor
from connectpulse.core.storage import models
from connectpulse.house import House
from tests.unit.core.services.test_policy import TODAY, at, publish

USER = 41
SANA = Actor("user", "Sana User", USER, "192.0.2.7")
LATER = TODAY + timedelta(days=20)


@pytest.fixture(autouse=True)
def user(house: House) -> None:
    """Make an account that is older than every policy."""
    with house.engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO ab_user (id, first_name, last_name, username, email, active, created_on) "
                "VALUES (:id, 'Sana', 'User', 'sana', 'sana@example.org', true, '2025-01-01')"
            ),
            {"id": USER},
        )


def go_on(house: House, day: date) -> acceptance.Standing:
    with at(house, day):
        pass
    with house.work(SANA) as work:
        return acceptance.go_on(work)


def accepted(house: House) -> list[tuple[str, str, str]]:
    with house.engine.connect() as connection:
        rows = connection.execute(text("SELECT digest, method, network_address FROM pulse_acceptance ORDER BY id"))
        return [(row[0], row[1], row[2]) for row in rows]


def blocked(house: House, day: date) -> bool:
    with at(house, day) as work:
        return policy.blocks(work, USER)


def publish_next(house: House, day: date, effective: date, *, is_material: bool) -> str:
    with at(house, day) as work:
        source = versions.begin(work).source.replace("bulk ", f"very {day} bulk ")
    return publish(
        house, day, source=source, revised_on=day, effective_on=effective, is_material=is_material
    )  # fmt: skip


def test_without_a_policy_nobody_accepts_or_is_blocked(house: House) -> None:
    assert go_on(house, TODAY).version_id is None
    assert not blocked(house, TODAY)
    assert accepted(house) == []


def test_going_on_accepts_once_and_only_from_the_day_it_holds(house: House) -> None:
    digest = publish(house, effective_on=TODAY + timedelta(days=2))
    go_on(house, TODAY + timedelta(days=1))
    assert accepted(house) == []
    for _ in range(3):
        assert go_on(house, TODAY + timedelta(days=2)).is_accepted
    assert accepted(house) == [(digest, "implied", "192.0.2.7")]


def test_a_material_change_must_be_accepted_by_the_button(house: House) -> None:
    publish(house)
    go_on(house, TODAY)
    digest = publish_next(house, TODAY, LATER, is_material=True)
    with at(house, LATER - timedelta(days=1)) as work:
        coming = acceptance.coming(work, USER)
        assert coming is not None
        assert coming.digest == digest
    assert not blocked(house, LATER - timedelta(days=1))
    assert blocked(house, LATER)
    assert go_on(house, LATER).is_blocked
    assert len(accepted(house)) == 1
    with house.work(SANA) as work:
        assert acceptance.accept(work, digest)
        assert not acceptance.accept(work, digest)
        assert acceptance.coming(work, USER) is None
    assert not blocked(house, LATER)
    assert accepted(house)[1] == (digest, "explicit", "192.0.2.7")


def test_accepting_early_by_the_button_counts(house: House) -> None:
    publish(house)
    digest = publish_next(house, TODAY, LATER, is_material=True)
    with house.work(SANA) as work:
        assert acceptance.accept(work, digest)
    assert not blocked(house, LATER)


def test_a_material_change_is_not_slept_through(house: House) -> None:
    publish(house)
    go_on(house, TODAY)
    publish_next(house, TODAY, LATER, is_material=True)
    last = publish_next(house, LATER, LATER, is_material=False)
    assert blocked(house, LATER)
    with house.work(SANA) as work:
        acceptance.accept(work, last)
    assert not blocked(house, LATER)


def test_an_immaterial_change_is_accepted_by_going_on(house: House) -> None:
    publish(house)
    go_on(house, TODAY)
    digest = publish_next(house, TODAY, LATER, is_material=False)
    assert not blocked(house, LATER)
    go_on(house, LATER)
    assert accepted(house)[1][:2] == (digest, "implied")


def test_an_account_newer_than_the_policy_is_asked_at_its_first_sign_in(house: House) -> None:
    digest = publish(house)
    with house.engine.begin() as connection:
        connection.execute(text("UPDATE ab_user SET created_on = '2026-03-03'"))
    assert blocked(house, TODAY + timedelta(days=2))
    with house.work(SANA) as work:
        acceptance.accept(work, digest)
    assert not blocked(house, TODAY + timedelta(days=2))


@pytest.mark.parametrize("digest", ["", "0" * 64, "' OR 1=1"])
def test_only_a_published_text_can_be_accepted(house: House, digest: str) -> None:
    publish(house)
    with house.work(SANA) as work, pytest.raises(NotFound):
        acceptance.accept(work, digest)
    assert accepted(house) == []


def test_only_people_accept(house: House) -> None:
    digest = publish(house)
    with house.work(SYSTEM) as work:
        assert acceptance.go_on(work).version_id is None
        with pytest.raises(Refused, match="Only a person"):
            acceptance.accept(work, digest)


def test_a_person_is_told_what_they_accepted(house: House) -> None:
    digest = publish(house)
    go_on(house, TODAY)
    handler = house.registry.subjects[models.Acceptance.__tablename__]
    with house.work(SYSTEM) as work:
        [told] = list(handler.export(work, Subject(None, user_id=USER)))
        assert list(handler.export(work, Subject(None, user_id=7))) == []
    shown: dict[str, Any] = dict(told)
    assert (shown["digest"], shown["method"], shown["network_address"]) == (digest, "implied", "192.0.2.7")
    assert shown["accepted_at"].startswith("2026-03-02")


def test_the_question_of_every_request_is_answered_by_an_index(house: House) -> None:
    digest = publish(house)
    with house.engine.connect() as connection:
        connection.execute(text("SET enable_seqscan = off"))
        plan = "\n".join(
            connection.scalars(
                text("EXPLAIN SELECT 1 FROM pulse_acceptance WHERE user_id = 41 AND digest = :digest"),
                {"digest": digest},
            )
        )
    assert "ix_pulse_acceptance_user_id_digest" in plan
