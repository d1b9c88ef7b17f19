"""How long a person's copy and erasure take, and that neither grows with what is kept of everybody else.

A person is in ten rows of a log of `rows` messages over three organisations; the same is asked at a tenth of it.
Letting go of freed pages is not in it: that writes touched tables anew, grows with them, and waits for a quiet hour.
"""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import text

from connectpulse import house as houses
from connectpulse.core.domain.settings import fresh_secrets, from_mapping
from connectpulse.core.services import four_eyes
from connectpulse.core.services.rights import carrying, intake, planning
from connectpulse.core.services.rights.intake import ACT, Asked
from connectpulse.core.services.work import Actor
from connectpulse.core.storage.embedded import EmbeddedServer
from connectpulse.core.storage.models import SubjectRequest
from connectpulse.house import House

from .figure import Figure

AMINA, BILAL = Actor("user", "Amina", 1), Actor("user", "Bilal", 2)
_ROWS = {
    "pulse_message": "(organisation_id, contact_id, changed_at, state, parts, quantity, units, channel, address, "
    "sender, body) SELECT 1 + n % 3, n, now(), 20, 1, 1, 1, 'sms', "
    "'+92300' || 1000000 + (:from + n) / 10, "
    "'ACME', "
    "'Dear customer, your order ' || n || ' was sent today.' FROM generate_series(1, :rows) n",
    "pulse_inbound": "(organisation_id, connection_id, contact_id, channel, address, recipient, body, received_at) "
    "SELECT 1 + n % 3, 1, n, 'sms', '+92300' || 1000000 + (:from + n) / 10, '8558', 'Hello', now() "
    "FROM generate_series(1, :rows / 10) n",
    "pulse_suppression": "(organisation_id, scheme, value, reason) "
    "SELECT 1 + n % 3, 'phone', '+92311' || 1000000 + :from + n, 'bounced' FROM generate_series(1, :rows / 10) n",
}


def measure(rows: int) -> Iterator[Figure]:
    """Yield the seconds of a copy and of an erasure on a server of its own that waits for its disk."""
    with tempfile.TemporaryDirectory() as folder:
        server = EmbeddedServer(Path(folder) / "postgres")
        server.ensure_running()
        try:
            stores = {"ARCHIVE_URL": f"{folder}/archive", "LEDGER_URL": f"{folder}/ledger"}
            house = houses.build(from_mapping(fresh_secrets() | {"DATABASE_URL": server.url} | stores), pool_size=3)
            house.upgrade()
            with house.engine.begin() as connection:
                connection.execute(
                    text(
                        "INSERT INTO pulse_organisation (name, country, timezone) "
                        "SELECT 'Home ' || n, 'PK', 'UTC' FROM generate_series(1, 3) n"
                    )
                )
            yield from _figures(house, rows)
            house.close()
        finally:
            server.stop("immediate")


def _figures(house: House, rows: int) -> Iterator[Figure]:
    _put(house, 0, rows // 10)
    before = {kind: _asked(house, kind, 7) for kind in ("access", "deletion")}
    _put(house, rows // 10, rows - rows // 10)
    after = {kind: _asked(house, kind, (rows // 10) // 10 + 77) for kind in ("access", "deletion")}
    for kind, most in (("access", 300.0), ("deletion", 60.0)):
        name = "copied" if kind == "access" else "erased"
        yield Figure(name, after[kind], "s", "a tenth of the log", before[kind], most=most, most_ratio=3.0)


def _put(house: House, start: int, rows: int) -> None:
    with house.engine.begin() as connection:
        for table, those in _ROWS.items():
            connection.execute(text(f"INSERT INTO {table} {those}"), {"from": start, "rows": rows})
    with house.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
        connection.execute(text("CHECKPOINT"))


def _asked(house: House, kind: str, number: int) -> float:
    """Return the seconds a request takes from its plan to its end, less those of letting go of freed pages."""
    began = time.monotonic()
    with house.work(AMINA) as work:
        asked = Asked(kind, "phone", f"+92300{1_000_000 + number}", source="panel", proof="Saw her passport")
        request = intake.submit(work, asked).id
    in_archives = planning.archived(house.work, request)
    with house.work(AMINA) as work:
        planning.plan(work, request, in_archives, is_urgent=True)
    with house.work(BILAL) as work:
        waiting = four_eyes.waiting(work, ACT, request)
        if waiting is None:
            raise RuntimeError("Nobody is asked.")
        four_eyes.approve(work, waiting.id)
    carrying.run_due(house.work)
    took = time.monotonic() - began
    with house.work(AMINA) as work:
        row = work.session.get_one(SubjectRequest, request)
        if row.state != "done":
            raise RuntimeError(f"The request is {row.state} at {row.stage}.")
        found = sum(each.get("rows", 0) for each in row.plan)
        scrubbed = float(row.facts.get("scrubbed", {}).get("seconds", 0))
    if found < 10:
        raise RuntimeError(f"Only {found} rows of the person were found.")
    return took - scrubbed
