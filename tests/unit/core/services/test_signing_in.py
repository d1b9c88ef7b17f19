"""Signing in: sessions that begin and end, codes used once, the same answer for those who do not exist."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import event, select
from werkzeug.security import generate_password_hash

from connectpulse.core.errors import NotFound, Refused
from connectpulse.core.services.access import devices, factors, passwords, people, resets, sessions, signing_in, tokens
from connectpulse.core.services.notices import mail
from connectpulse.core.services.work import Actor, Work
from connectpulse.core.storage import guard
from connectpulse.core.storage.models import AuditEntry, KnownDevice, Mail, Notice, RecoveryCode, UserSession
from connectpulse.house import House
from connectpulse.web.security import accounts, roles
from connectpulse.web.security.manager import synchronise_roles
from tests.unit.core.services.entrance import PASSWORD, Entrance, elsewhere, here


@pytest.fixture
def way_in(house: House) -> Entrance:
    return Entrance(house)


def test_a_session_is_found_by_its_token_which_is_not_kept(way_in: Entrance) -> None:
    first, second = way_in.enter(), way_in.enter()
    assert first.token != second.token
    assert way_in.is_open(first.token)
    assert not way_in.is_open(first.token[:-1] + ("y" if first.token.endswith("x") else "x"))
    assert not way_in.is_open("")
    with way_in.work() as work:
        rows = work.session.query(UserSession).all()
        assert {row.token_hash for row in rows} == {tokens.digest(first.token), tokens.digest(second.token)}
        assert {row.device for row in rows} == {"Firefox 140 on Linux"}


def test_a_session_grows_old_and_goes_to_sleep(way_in: Entrance) -> None:
    used, idle = way_in.enter().token, way_in.enter().token
    for _ in range(3):
        way_in.later(hours=7)
        with way_in.work() as work:
            found = sessions.find(work, used)
            assert found is not None
            sessions.see(work, found)
    assert not way_in.is_open(idle)
    assert way_in.is_open(used)
    way_in.later(hours=3, seconds=1)
    assert not way_in.is_open(used)


def test_a_session_is_written_as_seen_once_a_minute_at_most(way_in: Entrance) -> None:
    token, begun = way_in.enter().token, way_in.at

    def seen() -> float:
        with way_in.work() as work:
            found = sessions.find(work, token)
            assert found is not None
            sessions.see(work, found)
        with way_in.work() as work:
            again = sessions.find(work, token)
            assert again is not None
            return (again.seen_at - begun).total_seconds()

    way_in.later(seconds=59)
    assert seen() == 0
    way_in.later(seconds=2)
    assert seen() == 61


def test_every_session_ends_when_its_account_changes(way_in: Entrance) -> None:
    with way_in.work() as work:
        synchronise_roles(work.session, work.registry)
    user_id = way_in.user_id
    acts: dict[str, Callable[[Work], object]] = {
        "ended": lambda work: accounts.end_sessions(work, user_id, "test"),
        "role": lambda work: accounts.set_platform_role(work, user_id, roles.AUDITOR),
        "factors": lambda work: factors.reset(work, way_in.person()),
        "demand": lambda work: accounts.demand_change(work, user_id),
        "off": lambda work: accounts.set_active(work, user_id, False),
    }
    for name, act in acts.items():
        token = way_in.enter().token
        assert way_in.is_open(token), name
        with way_in.work() as work:
            act(work)
        assert not way_in.is_open(token), name


def test_every_session_ends_with_another_password(way_in: Entrance) -> None:
    token = way_in.enter().token
    with way_in.work() as work:
        accounts.set_password(work, way_in.user_id, "another long one")
    assert not way_in.is_open(token)
    assert way_in.enter("another long one").token


def test_a_half_session_opens_nothing_and_is_over_in_minutes(way_in: Entrance) -> None:
    app = way_in.give_app()
    half = way_in.enter()
    assert half.is_half
    assert not way_in.is_open(half.token)
    way_in.later(minutes=10, seconds=1)
    with pytest.raises(Refused, match="from the beginning"):
        signing_in.by_code(way_in.work, here(), half.token, app.at(way_in.at))
    with way_in.work() as work:
        assert signing_in.end_half_sessions(work) == 1
        assert signing_in.end_half_sessions(work) == 0
        [last] = signing_in.history(work, way_in.user_id, 1)
        assert (last.is_good, last.reason, last.address) == (False, "second factor never given", here().address)


def test_who_proves_again_who_they_are_is_written_down(way_in: Entrance) -> None:
    entered = way_in.enter()
    with way_in.work() as work:
        found = sessions.find(work, entered.token)
    assert found is not None
    with pytest.raises(Refused, match="not right"):
        signing_in.prove_again(way_in.work, way_in.user_id, "some other words", found.id)
    signing_in.prove_again(way_in.work, way_in.user_id, PASSWORD, found.id)
    with way_in.work() as work, guard.platform_scope(work.session, "test"):
        told = work.session.scalars(select(AuditEntry.verb).where(AuditEntry.verb.like("user.proof%")))
        assert list(told) == ["user.proof_failed"]
        assert work.session.scalar(select(AuditEntry.object_name).where(AuditEntry.verb == "user.proven")) == "amina"


def test_a_code_is_used_once_and_its_neighbours_too(way_in: Entrance) -> None:
    app = way_in.give_app()
    half, code = way_in.enter(), app.at(way_in.at)
    entered = signing_in.by_code(way_in.work, here(), half.token, f"{code[:3]} {code[3:]}")
    assert way_in.is_open(entered.token)
    again = way_in.enter()
    for used in (code, app.at(way_in.at - timedelta(seconds=30))):
        with pytest.raises(Refused, match="used already"):
            signing_in.by_code(way_in.work, here(), again.token, used)
    way_in.later(seconds=30)
    assert signing_in.by_code(way_in.work, here(), again.token, app.at(way_in.at)).token
    with pytest.raises(Refused, match="from the beginning"):
        signing_in.by_code(way_in.work, here(), again.token, app.at(way_in.at + timedelta(seconds=30)))


def test_a_code_that_is_none_is_refused(way_in: Entrance) -> None:
    way_in.give_app()
    for code in ("", "12345", "abcdef", "١٢٣٤٥٦", "0" * 5000, "\x00", "000000\n"):
        way_in.later(days=2)
        half = way_in.enter()
        with pytest.raises(Refused, match="does not fit"):
            signing_in.by_code(way_in.work, here(), half.token, code)


def test_recovery_codes_work_once_and_new_ones_void_the_old(way_in: Entrance) -> None:
    way_in.give_app()
    with way_in.work() as work:
        codes = factors.renew_codes(work, way_in.person())
        assert factors.of(work, way_in.user_id).codes_left == len(set(codes)) == 10
    used = codes[3].upper().replace("-", " ")
    assert signing_in.by_code(way_in.work, here(), way_in.enter().token, used).token
    with pytest.raises(Refused):
        signing_in.by_code(way_in.work, here(), way_in.enter().token, used)
    with way_in.work() as work:
        assert factors.of(work, way_in.user_id).codes_left == 9
        factors.renew_codes(work, way_in.person())
    with pytest.raises(Refused):
        signing_in.by_code(way_in.work, here(), way_in.enter().token, codes[4])
    with way_in.work() as work:
        factors.remove_totp(work, way_in.person())
        assert work.session.query(RecoveryCode).count() == 0


def test_an_older_hash_is_made_anew_at_the_next_sign_in(way_in: Entrance) -> None:
    with way_in.work() as work:
        people.store_password(work, way_in.user_id, generate_password_hash(PASSWORD))
    way_in.enter()
    assert way_in.person().password.startswith("$argon2id$")
    way_in.enter()


def test_whoever_is_switched_off_is_answered_like_somebody_who_does_not_exist(way_in: Entrance) -> None:
    with way_in.work() as work:
        accounts.set_active(work, way_in.user_id, False)
    answers = set()
    for name in ("amina", "nobody"):
        with pytest.raises(Refused) as told:
            way_in.enter(name=name)
        answers.add(str(told.value))
    assert answers == {signing_in.WRONG}
    assert way_in.reasons() == ["switched off", "no such account"]


def test_a_wrong_name_costs_what_a_wrong_password_costs(way_in: Entrance, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same statements and the same hashing; `make bench ARGS=access` compares the medians of many."""
    with way_in.work() as work:
        accounts.create(work, accounts.Account("off", "off@example.org", "Off", ""), "another long one")
    with way_in.work() as work:
        accounts.set_active(work, people_id(way_in, "off"), False)
    way_in.enter()
    verify, hashed, statements = passwords._ARGON.verify, [0], [0]

    class Counted:
        def verify(self, stored: str, password: str) -> bool:
            hashed[0] += 1
            return verify(stored, password)

    def count(*_: object) -> None:
        statements[0] += 1

    monkeypatch.setattr(passwords, "_ARGON", Counted())
    event.listen(way_in.house.engine, "before_cursor_execute", count)
    costs = {}
    for name in ("amina", "nobody", "off"):
        hashed[0] = statements[0] = 0
        with pytest.raises(Refused):
            way_in.enter("wrong password", elsewhere(9), name)
        costs[name] = (hashed[0], statements[0])
    event.remove(way_in.house.engine, "before_cursor_execute", count)
    assert costs["amina"] == costs["nobody"] == costs["off"]
    assert costs["amina"][0] == 1


def people_id(way_in: Entrance, name: str) -> int:
    with way_in.work() as work:
        found = people.by_name(work, name)
    assert found is not None
    return found.id


def test_a_new_browser_is_told_of_and_a_known_one_is_not(way_in: Entrance, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail, "is_sent_here", lambda: True)
    known = way_in.enter().device
    way_in.enter(visit=here(known))
    way_in.enter(visit=elsewhere())
    with way_in.work() as work:
        notices = work.session.query(Notice).all()
        assert [row.user_id for row in notices] == [way_in.user_id]
        assert "curl 8, at 203.0.113.1" in notices[0].body
        assert [row.recipient for row in work.session.query(Mail)] == ["amina@example.org"]
        assert work.session.query(KnownDevice).count() == 2
        assert devices.is_known(work, way_in.user_id, here(known))
        assert not devices.is_known(work, way_in.user_id + 1, here(known))
        assert not devices.is_known(work, way_in.user_id, here())


def test_a_link_for_a_new_password_works_once_within_the_hour(
    way_in: Entrance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mail, "is_sent_here", lambda: True)
    with way_in.work() as work:
        for name in ("amina", "AMINA@example.org", "nobody", "amina", "amina"):
            resets.ask(work, "https://pulse.example", name)
    with way_in.work() as work:
        texts = [(row.content or {})["text"] for row in work.session.query(Mail).order_by(Mail.id)]
    links = [text.partition("/password/")[2].split()[0] for text in texts]
    assert len(links) == resets.MOST_AN_HOUR
    with way_in.work() as work:
        for void in links[:-1]:
            with pytest.raises(NotFound, match="used already"):
                resets.open_for(work, void)
        assert resets.open_for(work, links[-1]).id == way_in.user_id
        assert resets.open_for(work, links[-1], spend=True).id == way_in.user_id
        with pytest.raises(NotFound):
            resets.open_for(work, links[-1])
        late = resets.offer(work, "", way_in.person()).rpartition("/")[2]
    way_in.later(hours=1, seconds=1)
    with way_in.work() as work, pytest.raises(NotFound, match="older than an hour"):
        resets.open_for(work, late)


def test_the_last_administrator_stays_and_nobody_changes_themselves(way_in: Entrance) -> None:
    with way_in.work() as work, guard.platform_scope(work.session, "test"):
        synchronise_roles(work.session, work.registry)
        accounts.set_platform_role(work, way_in.user_id, roles.PLATFORM_ADMINISTRATOR)
    for act in (lambda w: accounts.set_active(w, way_in.user_id, False),
                lambda w: accounts.set_platform_role(w, way_in.user_id, roles.AUDITOR)):  # fmt: skip
        with way_in.work() as work, pytest.raises(Refused, match="last administrator"):
            act(work)
        with (
            way_in.house.work(Actor("user", "Amina", way_in.user_id)) as work,
            pytest.raises(Refused, match="your own"),
        ):
            act(work)


def test_a_password_is_hashed_before_the_database_is_asked_to_wait(way_in: Entrance) -> None:
    """No connection is held while a password is looked at."""
    pool = way_in.house.engine.pool
    held: list[int] = []
    real = passwords.fits

    def watched(stored: str, password: str) -> bool:
        held.append(pool.checkedout())  # type: ignore[attr-defined]
        return real(stored, password)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(signing_in.passwords, "fits", watched)
        way_in.enter()
    assert held == [0]
