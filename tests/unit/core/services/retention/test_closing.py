"""A closed organisation is erased when its grace is over; what a legal hold keeps stays until it is lifted."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from connectpulse.core.services.retention import archives, closing, engine, holds
from connectpulse.core.services.work import SYSTEM, Actor
from connectpulse.core.storage import guard, ids, partitions
from connectpulse.core.storage.models import Hold, Organisation
from connectpulse.house import House

NOW = datetime(2026, 7, 15, 12, 0, tzinfo=UTC)
OLD = NOW - timedelta(days=100)
PERSON = "+923001234567"
AMINA = Actor("user", "Amina", 1)


def _hold(house: House, organisation: int) -> int:
    with house.work(AMINA, organisation) as work:
        return holds.place(work, holds.SUBJECT, "Case 12", scheme="phone", value=PERSON).id


def _lift(house: House, hold: int) -> None:
    with house.work(SYSTEM) as work:
        work.session.get_one(Hold, hold).lifted_at = NOW


def _close(house: House, organisation: int) -> int:
    with house.work(SYSTEM) as work, guard.platform_scope(work.session, "test"):
        work.session.get_one(Organisation, organisation).closes_at = NOW
    return closing.erase_due(house.work, NOW)


def test_closing_spares_archives_while_a_person_is_held(house: House, organisation: int) -> None:
    with house.engine.begin() as connection:
        partitions.ensure(connection, OLD, 0)
        connection.execute(
            text(
                "INSERT INTO pulse_message (id, organisation_id, changed_at, state, parts, quantity, units, channel, "
                "address, sender, body) VALUES (:id, :here, now(), 20, 1, 1, 1, 'sms', :person, 'ACME', 'Hello')"
            ),
            {"id": ids.at(OLD), "here": organisation, "person": PERSON},
        )
    engine.run(house.work, NOW)
    hold = _hold(house, organisation)

    def left() -> list[int]:
        with house.work(SYSTEM) as work:
            return [row.rows for row in archives.listed(work, organisation)]

    assert (_close(house, organisation), left()) == (0, [1])
    _lift(house, hold)
    assert (_close(house, organisation), left()) == (1, [])
