"""Time-ordered 64-bit ids: 41 bits of milliseconds, 12 bits of block number, 10 bits within the block.

The database hands out blocks of `BLOCK` consecutive ids (function `pulse_id()`), so that a dispatch's
messages are one id range, lists page by id, and partitions are ranges of time. The clock is the database's:
workers cannot disagree.
"""

from datetime import UTC, date, datetime, timedelta

from sqlalchemy import BigInteger, Connection, text
from sqlalchemy.schema import FetchedValue
from sqlalchemy.sql.elements import TextClause

EPOCH = datetime(2025, 1, 1, tzinfo=UTC)
BLOCK = 1024
_TIME_SHIFT = 22

_OF_A_DAY = timedelta(days=1) // timedelta(milliseconds=1)
DAY_ALONE = f"""CASE WHEN campaign_id IS NULL
    THEN date '{EPOCH:%Y-%m-%d}' + ((id >> {_TIME_SHIFT}) / {_OF_A_DAY})::integer END"""
"""The day (UTC) a message of no campaign was made on, in SQL, NULL for those of campaigns. The twin of `day_alone`."""

ID_TYPE = BigInteger
ID_DEFAULT: TextClause = text("pulse_id()")
FETCHED = FetchedValue()

CREATE_FUNCTION = (
    "CREATE SEQUENCE IF NOT EXISTS pulse_id_seq MINVALUE 0 MAXVALUE 4095 START 0 CYCLE",
    f"""
    CREATE OR REPLACE FUNCTION pulse_id() RETURNS bigint LANGUAGE sql VOLATILE AS $$
        SELECT (((extract(epoch FROM clock_timestamp()) * 1000)::bigint - {int(EPOCH.timestamp() * 1000)})
                << {_TIME_SHIFT}) | (nextval('pulse_id_seq') << 10)
    $$
    """,
)


def blocks(connection: Connection, count: int) -> list[int]:
    """Return the first ids of `count` fresh blocks of `BLOCK` ids each, ascending."""
    rows = connection.execute(text("SELECT pulse_id() FROM generate_series(1, :count)"), {"count": count})
    return sorted(row[0] for row in rows)


def at(moment: datetime) -> int:
    """Return the least id of `moment`: an id compared with it compares times."""
    return int((moment - EPOCH) / timedelta(milliseconds=1)) << _TIME_SHIFT


def moment(id: int) -> datetime:
    """Return when `id` was made."""
    return EPOCH + timedelta(milliseconds=id >> _TIME_SHIFT)


def day_alone(id: int, campaign_id: int | None) -> date | None:
    """Return the day (UTC) a message of no campaign was made on, None for those of campaigns."""
    return None if campaign_id else moment(id).date()
