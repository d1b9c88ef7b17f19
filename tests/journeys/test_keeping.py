"""What people see of retention: the report, the rules, holds, archives, and closing an organisation."""

from datetime import timedelta

from sqlalchemy import text

from connectpulse.core.services.work import Actor
from connectpulse.core.storage import ids, partitions
from connectpulse.house import House

SECOND = Actor("user", "Second", 999)


def _log(house: House, organisation: int) -> None:
    with house.engine.begin() as connection:
        old = house.clock() - timedelta(days=100)
        partitions.ensure(connection, old, 0)
        connection.execute(
            text(
                "INSERT INTO pulse_message (id, organisation_id, changed_at, state, parts, quantity, units, channel, "
                "address, sender, body) SELECT :first + n, :here, now(), 20, 1, 1, 1, 'sms', '+92300' || n, 'ACME', "
                "'Hello ' || n FROM generate_series(1, 30) n"
            ),
            {"first": ids.at(old), "here": organisation},
        )
