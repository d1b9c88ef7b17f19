"""A closed organisation is erased when its grace is over; what a legal hold keeps stays until it is lifted."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import text

from connectpulse.core.services.retention import archives, closing, engine, holds
from connectpulse.core.services.work import SYSTEM, Actor
from connectpulse.core.storage import guard, ids, partitions
from connectpulse.core.storage.models import Campaign, Hold, Import, ImportFault, Organisation, Quote
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


def _person(house: House, organisation: int) -> None:
    """Put two contacts, the first with the person's address and another one; and a campaign with their sample."""
    with house.engine.begin() as connection:
        for number, phone in enumerate((PERSON, "+923110000001"), 1):
            given = {"n": number, "here": organisation, "phone": phone, "mail": f"a{number}@example.com"}
            connection.execute(
                text("INSERT INTO pulse_contact (id, organisation_id, name, fields) VALUES (:n, :here, 'Amina', '{}')"),
                given,
            )
            connection.execute(
                text(
                    "INSERT INTO pulse_address (organisation_id, contact_id, scheme, value) "
                    "VALUES (:here, :n, 'phone', :phone), (:here, :n, 'email', :mail)"
                ),
                given,
            )


def test_closing_spares_the_contact_of_a_held_address_and_nobody_else(house: House, organisation: int) -> None:
    _person(house, organisation)
    hold = _hold(house, organisation)

    def left() -> list[tuple[int, str]]:
        with house.engine.connect() as connection:
            found = connection.execute(
                text("SELECT c.id, a.value FROM pulse_contact c JOIN pulse_address a ON a.contact_id = c.id ORDER BY 2")
            )
            return [(row[0], row[1]) for row in found]

    assert (_close(house, organisation), left()) == (0, [(1, PERSON), (1, "a1@example.com")])
    _lift(house, hold)
    assert (_close(house, organisation), left()) == (1, [])


def test_what_a_held_row_hangs_on_stays_with_it(house: House, organisation: int, put: Any) -> None:
    for number, sample in enumerate((f"To {PERSON}", "To nobody"), 1):
        put(Campaign, id=number, organisation_id=organisation, created_at=OLD, state="finished",
            template_version_id=None, sender_id=None)  # fmt: skip
        put(Quote, id=number, organisation_id=organisation, campaign_id=number, created_at=NOW, sample=[sample])
        put(Import, id=number, organisation_id=organisation, created_at=OLD, state="finished")
        put(ImportFault, id=number, organisation_id=organisation, import_id=number, value=sample)

    def left() -> list[list[int]]:
        tables = ("pulse_campaign", "pulse_quote", "pulse_import", "pulse_import_fault")
        with house.engine.connect() as connection:
            return [list(connection.scalars(text(f"SELECT id FROM {each} ORDER BY 1"))) for each in tables]

    hold = _hold(house, organisation)
    engine.run(house.work, NOW)
    assert left() == [[1], [1], [1, 2], [1, 2]]
    _lift(house, hold)
    engine.run(house.work, NOW)
    assert left() == [[], [], [], []]
