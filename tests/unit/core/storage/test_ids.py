"""Time-ordered ids: unique across sessions, rising with time, and readable as a time."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from connectpulse.core.storage import ids
from connectpulse.house import House

moments = st.integers(0, 60 * 365 * 24 * 3600 * 1000).map(lambda ms: ids.EPOCH + timedelta(milliseconds=ms))


@given(moments, moments)
def test_ids_compare_as_their_times_do(one: datetime, other: datetime) -> None:
    assert (ids.at(one) < ids.at(other)) == (one < other)
    assert ids.moment(ids.at(one)) == one


def test_the_database_hands_out_blocks_of_now(house: House) -> None:
    before = datetime.now(UTC) - timedelta(seconds=5)
    with house.engine.begin() as connection:
        blocks = ids.blocks(connection, 3000)
    assert len(set(blocks)) == 3000
    assert blocks == sorted(blocks)
    assert all(block % ids.BLOCK == 0 for block in blocks)
    assert before < ids.moment(blocks[0]) <= ids.moment(blocks[-1]) < datetime.now(UTC) + timedelta(seconds=5)


def test_blocks_of_sessions_at_once_do_not_overlap(house: House) -> None:
    def take(_: int) -> list[int]:
        with house.engine.begin() as connection:
            return ids.blocks(connection, 200)

    with ThreadPoolExecutor(4) as pool:
        taken = [block for blocks in pool.map(take, range(12)) for block in blocks]
    assert len(set(taken)) == len(taken) == 2400


def test_a_later_block_is_never_before_an_earlier_one(house: House) -> None:
    with house.engine.begin() as connection:
        last = ids.blocks(connection, 10)[-1]
        connection.execute(text("SELECT pg_sleep(0.002)"))  # the clock of ids counts milliseconds
        assert ids.blocks(connection, 1)[0] > last
