"""Wrong attempts: counted exactly whoever runs at once, closing a stranger's way in and never the owner's."""

import threading

import pytest
from sqlalchemy import text

from connectpulse.core.errors import Refused, Wait
from connectpulse.core.services.access import signing_in, tries
from connectpulse.core.services.access.devices import Visit
from connectpulse.core.storage import guard
from connectpulse.core.storage.models import AuditEntry, Notice
from connectpulse.house import House
from connectpulse.web.security import accounts
from tests.unit.core.services.entrance import PASSWORD, Entrance, elsewhere, here


@pytest.fixture
def way_in(house: House) -> Entrance:
    return Entrance(house)


def wrong(way_in: Entrance, times: int, visit: Visit | None = None, name: str = "amina") -> None:
    """Type wrong passwords, each after the pause the last one brought."""
    for n in range(times):
        with pytest.raises(Refused) as told:
            way_in.enter(f"wrong password {n}", visit or elsewhere(n + 1), name)
        assert not isinstance(told.value, Wait), n
        way_in.later(seconds=tries.PASSWORD[min(n, 8)])


def test_ten_wrong_passwords_lock_whatever_network_they_come_from(way_in: Entrance) -> None:
    wrong(way_in, 10)
    for visit in (elsewhere(200), here()):
        with pytest.raises(Wait) as told:
            way_in.enter(PASSWORD, visit)
        assert told.value.seconds > 800
    way_in.later(minutes=15)
    way_in.enter(PASSWORD, elsewhere(201))
    assert way_in.reasons()[-3:] == ["too many wrong attempts"] * 2 + ["password"]


def test_pauses_grow_before_the_lock_and_a_right_password_ends_them(way_in: Entrance) -> None:
    wrong(way_in, 4)
    with pytest.raises(Refused):
        way_in.enter("wrong", elsewhere())
    with pytest.raises(Wait) as told:
        way_in.enter(PASSWORD, elsewhere(2))
    assert told.value.seconds == 1
    way_in.later(seconds=1)
    way_in.enter(PASSWORD, elsewhere(2))
    wrong(way_in, 4)


def test_a_lock_grows_with_every_further_wrong_attempt_and_is_forgotten_in_time(way_in: Entrance) -> None:
    wrong(way_in, 10)
    way_in.later(minutes=15)
    wrong(way_in, 1, elsewhere(99))
    with pytest.raises(Wait) as told:
        way_in.enter(PASSWORD, elsewhere(98))
    assert told.value.seconds > 1500
    way_in.later(days=1, minutes=30)
    wrong(way_in, 4)


def test_a_name_nobody_has_is_locked_like_any_other(way_in: Entrance) -> None:
    wrong(way_in, 10, name="nobody")
    with pytest.raises(Wait):
        way_in.enter(PASSWORD, elsewhere(99), "Nobody ")


def test_thirty_wrong_attempts_close_a_network_for_every_account(way_in: Entrance) -> None:
    for n in range(30):
        way_in.later(seconds=240)
        with pytest.raises(Refused):
            way_in.enter("wrong", Visit("2001:db8:1:2::1"), f"name{n}")
    with pytest.raises(Wait):
        way_in.enter(PASSWORD, Visit("2001:db8:1:2:ffff::9"))
    way_in.enter(PASSWORD, Visit("2001:db8:1:3::9"))


def test_signing_in_to_ones_own_account_does_not_clear_the_network(way_in: Entrance) -> None:
    for n in range(29):
        way_in.later(seconds=240)
        with pytest.raises(Refused):
            way_in.enter("wrong", elsewhere(), f"name{n}")
    way_in.later(seconds=240)
    way_in.enter(PASSWORD, elsewhere())
    with pytest.raises(Refused):
        way_in.enter("wrong", elsewhere(), "name30")
    with pytest.raises(Wait):
        way_in.enter("wrong", elsewhere(), "name31")


def test_the_owners_browser_gets_in_while_strangers_are_locked_out(way_in: Entrance) -> None:
    mine = here(way_in.enter().device)
    wrong(way_in, 10)
    with pytest.raises(Wait):
        way_in.enter(PASSWORD, here())
    assert way_in.enter(PASSWORD, mine).token
    wrong(way_in, 10, mine)  # and it is counted by itself
    with pytest.raises(Wait):
        way_in.enter(PASSWORD, mine)


def test_the_owners_network_gets_to_the_second_factor(way_in: Entrance) -> None:
    app = way_in.give_app()
    half = way_in.enter(PASSWORD, here())
    signing_in.by_code(way_in.work, here(), half.token, app.at(way_in.at))
    wrong(way_in, 10)
    with pytest.raises(Wait):
        way_in.enter(PASSWORD, elsewhere(99))
    assert way_in.enter(PASSWORD, here()).is_half


def test_five_wrong_codes_lock_and_a_right_password_does_not_open(way_in: Entrance) -> None:
    app = way_in.give_app()
    for n in range(5):
        half = way_in.enter(PASSWORD, elsewhere())
        with pytest.raises(Refused, match="does not fit"):
            signing_in.by_code(way_in.work, elsewhere(), half.token, "000000")
        way_in.later(seconds=max(1, tries.CODE[min(n, 3)]))
    half = way_in.enter(PASSWORD, elsewhere())
    with pytest.raises(Wait) as told:
        signing_in.by_code(way_in.work, elsewhere(), half.token, app.at(way_in.at))
    assert told.value.seconds > 800
    assert way_in.reasons()[-1] == "too many wrong codes"


def test_the_count_is_exact_when_many_try_at_once(way_in: Entrance) -> None:
    looked_at, lock, start = [0], threading.Lock(), threading.Barrier(16)
    counts = [tries.by_account("amina", way_in.person())]

    def attempt() -> None:
        start.wait()
        for _ in range(4):
            try:
                with way_in.work() as work:
                    tries.take(work, counts)
            except Wait:
                continue
            with lock:
                looked_at[0] += 1

    threads = [threading.Thread(target=attempt) for _ in range(16)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert looked_at == [5]  # the fifth closes for a second, which never comes: the clock stands still


def test_the_owner_is_told_once_and_an_administrator_unlocks(way_in: Entrance) -> None:
    wrong(way_in, 10)
    with way_in.work() as work, guard.platform_scope(work.session, "test"):
        assert [row.title for row in work.session.query(Notice)] == ["Too many wrong passwords"]
        assert work.session.query(AuditEntry).filter_by(verb="user.locked").count() == 1
        accounts.unlock(work, way_in.user_id)
        assert work.session.scalar(text("SELECT count(*) FROM pulse_wrong_tries WHERE user_id IS NOT NULL")) == 0
    way_in.enter(PASSWORD, elsewhere(99))


def test_an_attempt_that_was_never_looked_at_is_not_held_against_anybody(
    way_in: Entrance, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong(way_in, 4)

    def busy(stored: str, password: str) -> bool:
        raise Wait("busy", 5, 503)

    monkeypatch.setattr(signing_in.passwords, "fits", busy)
    for _ in range(3):
        with pytest.raises(Wait) as told:
            way_in.enter(PASSWORD, elsewhere())
        assert told.value.status == 503
    monkeypatch.undo()
    with pytest.raises(Refused):
        way_in.enter("wrong", elsewhere())
    with pytest.raises(Wait) as told:
        way_in.enter(PASSWORD, elsewhere())
    assert told.value.status == 429
