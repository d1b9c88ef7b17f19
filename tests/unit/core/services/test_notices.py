"""Notices: who reads them, who gets them by mail, and that a choice is kept."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from connectpulse.core.domain.roles import ANALYST, ORGANISATION_ADMINISTRATOR, PLATFORM_ADMINISTRATOR
from connectpulse.core.errors import Refused
from connectpulse.core.services.notices import board, deliver, inbox, mail
from connectpulse.core.services.work import SYSTEM, Actor
from connectpulse.core.storage import guard
from connectpulse.house import House
from connectpulse.testing import factories

OPERATOR, ADMIN, ANALYSTS, STRANGER = 11, 12, 13, 14
NAMES = {OPERATOR: "operator", ADMIN: "admin", ANALYSTS: "analyst", STRANGER: "stranger"}


@pytest.fixture(autouse=True)
def people(house: House, organisation: int) -> Iterator[None]:
    """An operator, an administrator and an analyst of one organisation, and an analyst of another."""
    other = factories.organisation(house)
    with house.engine.begin() as connection:
        connection.execute(text("INSERT INTO ab_role (id, name) VALUES (1, :name)"), {"name": PLATFORM_ADMINISTRATOR})
        for id, name in NAMES.items():
            connection.execute(
                text(
                    "INSERT INTO ab_user (id, first_name, last_name, username, email, active) "
                    "VALUES (:id, :name, 'T', :name, :email, true)"
                ),
                {"id": id, "name": name, "email": f"{name}@example.org"},
            )
        connection.execute(text("INSERT INTO ab_user_role (id, user_id, role_id) VALUES (1, :id, 1)"), {"id": OPERATOR})
        for id, where, role in ((ADMIN, organisation, ORGANISATION_ADMINISTRATOR), (ANALYSTS, organisation, ANALYST),
                                (STRANGER, other, ANALYST)):  # fmt: skip
            connection.execute(
                text("INSERT INTO pulse_membership (user_id, organisation_id, role) VALUES (:id, :where, :role)"),
                {"id": id, "where": where, "role": role},
            )
    mail.use("smtp://127.0.0.1:9?tls=none", "pulse@example.org", "https://pulse.example")
    yield
    mail.use("", "")


def mailed(house: House) -> list[str]:
    """Send what is due by mail; return to whom, by name."""
    deliver.at_once(house.work)
    with house.engine.connect() as connection:
        return [each.partition("@")[0] for each in connection.scalars(text("SELECT recipient FROM pulse_mail"))]


def readers(house: House) -> set[str]:
    with house.work(SYSTEM) as work:
        return {name for id, name in NAMES.items() if inbox.unread(work, id)}


def choose(house: House, user_id: int, alarms: str = "each", updates: str = "digest", news: str = "never") -> None:
    with house.work(Actor("user", NAMES[user_id], user_id)) as work:
        inbox.choose(work, alarms, updates, news)


def test_a_notice_is_for_those_who_hold_the_role_where_it_belongs(house: House, organisation: int) -> None:
    for wanted, options in (
        ({"operator"}, {"roles": (PLATFORM_ADMINISTRATOR,)}),
        ({"analyst"}, {"roles": (ANALYST,), "organisation_id": organisation}),
        ({"admin", "analyst"}, {"roles": (board.EVERYONE,), "organisation_id": organisation}),
        ({"stranger"}, {"user_id": STRANGER}),
        (set(NAMES.values()), {"roles": (board.EVERYONE,)}),
    ):
        with house.work(SYSTEM) as work:
            board.post(work, "test.told", "Told", key="told", level=board.ALARM, **options)  # type: ignore[arg-type]
        assert readers(house) == wanted
        assert set(mailed(house)) == wanted
        with house.engine.begin() as connection:
            connection.execute(text("DELETE FROM pulse_notice"))
            connection.execute(text("DELETE FROM pulse_mail"))


def test_an_alarm_reaches_within_one_sweep_and_once(house: House) -> None:
    with house.work(SYSTEM) as work:
        board.post(work, "backup.failed", "No backup", roles=(PLATFORM_ADMINISTRATOR,), level=board.ALARM)
    assert mailed(house) == ["operator"]
    assert deliver.at_once(house.work) == 0
    with house.engine.connect() as connection:
        assert connection.scalar(text("SELECT subject FROM pulse_mail")) == "Alarm: No backup"


def test_an_alarm_goes_before_what_waits_longer(house: House) -> None:
    with house.work(SYSTEM) as work:
        board.post(work, "service.x", "First", user_id=ADMIN, is_binding=True)
        board.post(work, "service.y", "Second", user_id=ADMIN, level=board.ALARM)
    deliver.at_once(house.work)
    with house.engine.connect() as connection:
        subjects = list(connection.scalars(text("SELECT subject FROM pulse_mail ORDER BY id")))
    assert subjects == ["Alarm: Second", "First"]


def test_a_choice_is_kept_and_news_are_never_unasked(house: House) -> None:
    choose(house, ANALYSTS, updates="each")
    choose(house, ADMIN, updates="never", news="each")
    with house.work(factories.ADMINISTRATOR) as work:
        board.announce(work, "Maintenance on Sunday", "", is_optional=False)
    assert mailed(house) == ["analyst"]
    with house.work(factories.ADMINISTRATOR) as work:
        board.announce(work, "A new plan", "", is_optional=True)
    assert mailed(house) == ["analyst", "admin"]


def test_whoever_opted_out_gets_alarms_only_as_an_administrator(house: House, organisation: int) -> None:
    choose(house, ANALYSTS, alarms="never")
    with pytest.raises(Refused, match="Administrators get every alarm"):
        choose(house, ADMIN, alarms="never")
    with house.work(SYSTEM) as work:
        board.post(work, "ledger.low", "Low balance", roles=(board.EVERYONE,), organisation_id=organisation,
                   level=board.ALARM)  # fmt: skip
    assert mailed(house) == ["admin"]


def test_what_binds_goes_to_everybody_whatever_they_chose(house: House) -> None:
    for user_id in NAMES:
        choose(house, user_id, updates="never")
    with house.work(SYSTEM) as work:
        board.post(work, "policy.published", "Policy", roles=(board.EVERYONE,), is_binding=True)
    assert sorted(mailed(house)) == sorted(NAMES.values())


def test_many_readers_are_written_to_in_batches_and_once_each(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deliver, "PEOPLE", 3)
    with house.work(SYSTEM) as work:
        board.post(work, "policy.published", "Policy", roles=(board.EVERYONE,), is_binding=True)
    assert deliver.at_once(house.work) == 4
    assert sorted(mailed(house)) == sorted(NAMES.values())


def test_a_site_without_mail_owes_none_later(house: House) -> None:
    mail.use("", "")
    with house.work(SYSTEM) as work:
        board.post(work, "backup.failed", "No backup", roles=(PLATFORM_ADMINISTRATOR,), level=board.ALARM)
    assert mailed(house) == []
    mail.use("smtp://127.0.0.1:9?tls=none", "pulse@example.org")
    assert mailed(house) == []


def digest(house: House, after: timedelta) -> int:
    now = datetime.now(UTC) + after
    house.clock = lambda: now
    with house.work(SYSTEM) as work, guard.platform_scope(work.session, "test"):
        return deliver.digests(work)


def test_a_digest_comes_once_a_day_and_tells_everything_once(house: House, organisation: int) -> None:
    assert digest(house, timedelta(0)) == 0
    with house.work(SYSTEM) as work:
        for number in range(3):
            board.post(work, "service.update", f"Update {number}", user_id=ANALYSTS)
        board.post(work, "service.done", "Settled", user_id=ANALYSTS, key="done")
        board.end(work, "done")
    assert mailed(house) == []
    assert [digest(house, timedelta(hours=25)), digest(house, timedelta(hours=26))] == [1, 0]
    assert digest(house, timedelta(hours=50)) == 0
    with house.engine.connect() as connection:
        row = connection.execute(text("SELECT recipient, subject FROM pulse_mail")).one()
    assert tuple(row) == ("analyst@example.org", "3 new notices")


def test_reading_is_ones_own_and_counts_down(house: House, organisation: int) -> None:
    with house.work(SYSTEM) as work:
        ids = [board.post(work, "service.x", f"N{n}", roles=(board.EVERYONE,)) for n in range(3)]
        board.post(work, "service.y", "Hers", user_id=ADMIN)
    with house.work(SYSTEM) as work:
        assert inbox.unread(work, ANALYSTS) == 3
        assert inbox.read(work, ANALYSTS, ids[0]) == 1
        assert inbox.read(work, ANALYSTS, ids[0]) == 0
        assert (inbox.unread(work, ANALYSTS), inbox.unread(work, ADMIN)) == (2, 4)
        [hers] = [line for line in inbox.page(work, ADMIN) if line.title == "Hers"]
        assert inbox.find(work, ANALYSTS, hers.id) is None
        assert inbox.read(work, ANALYSTS, hers.id) == 0
        assert inbox.read(work, ADMIN) == 4
        assert [line.title for line in inbox.page(work, ANALYSTS, only_unread=True)] == ["N2", "N1"]
