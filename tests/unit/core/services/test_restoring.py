"""Restores and drills: into an empty database only, whole, safe to work with, and looked at closely."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from connectpulse.core.domain.scopes import AUDIT_READ
from connectpulse.core.errors import Misconfigured, NotFound, PulseError, Refused
from connectpulse.core.services import records, trials, ways_in
from connectpulse.core.services.access import invitations, passkeys, people, resets, sessions, signing_in
from connectpulse.core.services.access.devices import Visit
from connectpulse.core.services.action_log import checkpoints, verifying
from connectpulse.core.services.api import keys
from connectpulse.core.services.backups import pipes, restoring, running, taking, watch
from connectpulse.core.services.notices import mail
from connectpulse.core.services.retention import archives, files
from connectpulse.core.services.work import SYSTEM
from connectpulse.core.storage import guard
from connectpulse.core.storage.models import Membership, Passkey
from connectpulse.core.storage.stores import places
from connectpulse.house import House
from connectpulse.testing import factories
from connectpulse.web.security import accounts
from tests.unit.core.services.backup_scene import BackedUp, forgetful, one
from tests.unit.core.services.entrance import PASSWORD, Entrance
from tests.unit.core.services.scene import Scene


@pytest.fixture
def scene(site: BackedUp) -> Scene:
    return Scene(site.house, factories.organisation(site.house))


def test_a_backup_comes_back_as_it_was(site: BackedUp, scene: Scene) -> None:
    scene.people("amina@example.org", "bilal@example.org")
    made = site.make()
    scene.people("later@example.org")
    with site.empty_site() as empty:
        site.restore(empty)
        assert empty.check_database() == []
        assert one(empty, "SELECT count(*) FROM pulse_contact") == (2,)
        assert one(empty, "SELECT count(*) FROM pulse_audit WHERE verb = 'backup.restored'") == (1,)
        scene_there = Scene(empty, scene.organisation)
        scene_there.people("new@example.org")
        with empty.work(factories.ADMINISTRATOR) as work:
            assert watch.newest(work) == made.moment
            assert running.ask(work, "panel"), "its own backup, which was being made, keeps no other waiting"


def test_what_ran_is_paused_and_what_has_passed_is_missed(site: BackedUp, scene: Scene) -> None:
    scene.connect()
    people = scene.people("amina@example.org", "bilal@example.org")
    template, sender = scene.template(), scene.sender()
    running, scheduled, paused = (
        scene.campaign(people, name=name, template_id=template, sender_id=sender) for name in ("One", "Two", "Three")
    )
    scene.launch(running)
    scene.launch(paused)
    with scene.work() as work:
        singles_before = one(site.house, "SELECT count(*) FROM pulse_dispatch WHERE campaign_id = 0")
        work.session.execute(
            text("UPDATE pulse_campaign SET state = 'paused', reason = 'x' WHERE id = :id"), {"id": paused}
        )
        soon = site.house.clock() + timedelta(minutes=5)
        work.session.execute(
            text("UPDATE pulse_campaign SET state = 'scheduled', scheduled_at = :soon WHERE id = :id"),
            {"soon": soon, "id": scheduled},
        )
    assert singles_before == (0,)
    site.make()
    with site.empty_site() as empty:
        empty.clock = lambda: soon + timedelta(minutes=1)
        aftermath = site.restore(empty)
        with empty.work(factories.ADMINISTRATOR) as work:
            rows = work.session.execute(text("SELECT id, state, reason FROM pulse_campaign ORDER BY id"))
            states = {row[0]: (row[1], row[2]) for row in rows}
    assert (aftermath.paused, aftermath.missed) == (1, 1)
    assert len(aftermath.warnings) == 2
    assert [states[each][0] for each in (running, scheduled, paused)] == ["paused", "missed", "paused"]
    assert all("Restored from the backup of" in states[each][1] for each in (running, scheduled, paused))


def test_single_messages_and_mail_that_waited_are_not_sent_again(site: BackedUp, scene: Scene) -> None:
    scene.connect()
    people = scene.people("amina@example.org")
    campaign = scene.campaign(people)
    with scene.work() as work:
        assert trials.send(work, campaign, ["someone@example.org"]) == 1
        mail.post(work, "amina@example.org", "Your link", "…", "")
    site.make()
    with site.empty_site() as empty:
        aftermath = site.restore(empty)
        assert one(empty, "SELECT state, content FROM pulse_mail") == ("failed", None)
        assert one(empty, "SELECT state FROM pulse_dispatch WHERE campaign_id = 0") == ("done",)
        assert one(empty, "SELECT state FROM pulse_message WHERE campaign_id IS NULL OR campaign_id = 0") == (31,)
    assert (aftermath.stopped, aftermath.unsent_mail) == (1, 1)


def test_nothing_that_may_have_ended_since_lets_anybody_in(site: BackedUp, scene: Scene) -> None:
    entrance = Entrance(site.house)
    visit = Visit("203.0.113.7")
    with site.house.work(factories.ADMINISTRATOR) as work:
        token = sessions.start(work, entrance.user_id, visit, "password")
        person = people.by_id(work, entrance.user_id)
        assert person is not None
        reset = resets.offer(work, "", person).rpartition("/")[2]
        passkeys._keep(work, b"word", "add", person.id)
    with scene.work() as work:
        invited = invitations.offer(work, "", "bilal@example.org", "", "", "Analyst").rpartition("/")[2]
        keys.create(work, keys.Draft("Shop", [AUDIT_READ], 60))
        keys.revoke(work, keys.create(work, keys.Draft("Old shop", [AUDIT_READ], 60))[0].id)
    site.make()
    with site.empty_site() as empty:
        aftermath = site.restore(empty)
        with empty.work(factories.ADMINISTRATOR) as work, guard.platform_scope(work.session, "test"):
            assert sessions.find(work, token) is None
            for gone in (lambda: resets.open_for(work, reset), lambda: invitations.by_token(work, invited)):
                with pytest.raises(NotFound):
                    gone()
        assert one(empty, "SELECT count(*) FROM pulse_challenge") == (0,)
    assert aftermath.sessions == 1
    assert ["Shop (pulse_" in each for each in aftermath.warnings] == [False, True]
    assert "Old shop" not in aftermath.warnings[1]


def test_what_was_taken_away_after_the_backup_stays_away(site: BackedUp, scene: Scene) -> None:
    entrance = Entrance(site.house)
    other = accounts.Account("bilal", "bilal@example.org", "Bilal", "Else")
    with site.house.work(factories.ADMINISTRATOR) as work:
        bilal = accounts.create(work, other, PASSWORD).id
    with scene.work() as work:
        key, kept = (keys.create(work, keys.Draft(name, [AUDIT_READ], 60))[0].id for name in ("Shop", "Other"))
        member = records.create(work, Membership(user_id=bilal, role="Analyst"), "membership.created").id
        for user in (entrance.user_id, bilal):
            values = {"webauthn_id": b"%d" % user, "public_key": b"", "sign_count": 0, "name": "Phone"}
            work.session.add(Passkey(user_id=user, created_at=work.clock(), **values))
    site.make()
    with scene.work() as work:
        keys.revoke(work, key)
        records.delete(work, work.session.get_one(Membership, member), "membership.deleted")
        passkeys.remove(work, entrance.person(), passkeys.of(work, entrance.user_id)[0].id)
        accounts.set_password(work, entrance.user_id, "another-horse-battery")
        accounts.set_active(work, bilal, False)
    assert ways_in.tell_due(site.house.work) == 4
    assert ways_in.tell_due(site.house.work) == 0
    with site.empty_site() as empty:
        aftermath = site.restore(empty)
        good = "SELECT string_agg(name, ',') FROM pulse_api_key WHERE revoked_at IS NULL"
        assert one(empty, good) == ("Other",)
        assert one(empty, "SELECT count(*) FROM pulse_membership") == (0,)
        assert one(empty, "SELECT array_agg(user_id) FROM pulse_passkey") == ([bilal],)
        rows = "SELECT array_agg(password <> '' ORDER BY id), array_agg(active ORDER BY id) FROM ab_user"
        assert one(empty, rows) == ([False, True], [True, False])
        with pytest.raises(PulseError):
            signing_in.by_password(lambda: empty.work(SYSTEM), Visit("203.0.113.7"), "amina", PASSWORD)
    assert aftermath.shut_out == 4
    assert any("Shut out again: 4" in each for each in aftermath.warnings)
    assert kept


def test_a_told_ending_that_was_forged_is_named_and_not_believed(site: BackedUp, scene: Scene) -> None:
    with scene.work() as work:
        key = keys.create(work, keys.Draft("Shop", [AUDIT_READ], 60))[0].id
    site.make()
    with scene.work() as work:
        keys.revoke(work, key)
    ways_in.tell_due(site.house.work)
    name = f"{ways_in.FOLDER}/key-{key}.json"
    places.ledger.put(f"{ways_in.FOLDER}/key-999.json", places.ledger.get(name))
    places.ledger.put(name, places.ledger.get(name).replace(b'"is_good":false', b'"is_good":true'))
    with site.empty_site() as empty:
        aftermath = site.restore(empty)
    named = [each for each in aftermath.warnings if "cannot be read" in each]
    assert [name in named[0], "key-999" in named[1], aftermath.shut_out] == [True, True, 0]


def test_a_database_with_something_in_it_is_left_alone(site: BackedUp) -> None:
    site.make()
    before = one(site.house, "SELECT count(*) FROM pulse_audit")
    with pytest.raises(Refused, match="not empty"):
        site.restore(site.house)
    assert one(site.house, "SELECT count(*) FROM pulse_audit") == before
    assert site.house.check_database() == []


def test_a_wrong_key_is_refused_before_anything_is_touched(site: BackedUp) -> None:
    site.make()
    wrong, _ = pipes.fresh_keys()
    with site.empty_site() as empty:
        with pytest.raises(Refused, match="This key does not open pulse-"):
            site.restore(empty, identity=wrong)
        for nonsense in ("", "# a comment\n", "AGE-SECRET-KEY-1NONSENSE", "age1abc"):
            with pytest.raises(Refused, match="no age identity"):
                site.restore(empty, identity=nonsense or "\n")
        assert one(empty, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == (0,)
        site.restore(empty, identity=f"# created somewhere\n{site.identity}\n")


def test_a_changed_file_is_named_before_anything_is_touched(site: BackedUp) -> None:
    made = site.make()
    content = bytearray(site.store.get(made.file))
    content[len(content) // 2] ^= 1
    site.store.put(made.file, bytes(content))
    with site.empty_site() as empty:
        with pytest.raises(Refused, match=f"{made.file} was changed"):
            site.restore(empty)
        assert one(empty, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == (0,)


def test_a_restore_that_was_interrupted_is_whole_or_absent(
    site: BackedUp, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.people("amina@example.org")
    made = site.make()
    with site.empty_site() as empty:
        identity = pipes.read_identity(site.identity)
        unpack = pipes.unpack

        def cut(source: Any, name: str, key: Any, out: Any) -> Any:
            unpack(source, name, key, out)
            raise KeyboardInterrupt

        monkeypatch.setattr(pipes, "unpack", cut)
        with pytest.raises(KeyboardInterrupt):
            restoring.load(site.store, made, identity, empty.engine.url)
        monkeypatch.undo()
        assert "not finished" in empty.check_database()[0]
        with pytest.raises(Misconfigured, match="connectpulse restore"):
            empty.require_database()
        assert one(empty, "SELECT count(*) FROM pg_tables WHERE tablename LIKE 'pulse%'") in ((1,), (2,))
        other = replace(made, name="pulse-20200101T000000Z-1")
        with pytest.raises(Refused, match=made.name):
            restoring.load(site.store, other, identity, empty.engine.url)
        restoring.load(site.store, made, identity, empty.engine.url)
        assert "not finished" in empty.check_database()[0]
        site.restore(empty)
        assert empty.check_database() == []
        assert one(empty, "SELECT count(*) FROM pulse_contact") == (1,)


def test_an_older_server_is_refused(site: BackedUp) -> None:
    made = site.make()
    with site.empty_site() as empty, pytest.raises(Misconfigured, match="restore into 99 or newer"):
        restoring._server(empty.engine.url, replace(made, server=99))


def verified(house: House) -> list[str]:
    return verifying.verify(house.work).sentences()


def names(house: House) -> list[str]:
    with house.work(factories.ADMINISTRATOR) as work:
        return list(work.session.scalars(text("SELECT name FROM pulse_contact ORDER BY name")))


def test_who_was_erased_after_the_backup_is_erased_again(site: BackedUp, scene: Scene) -> None:
    forgetful(site, scene.organisation)
    with site.empty_site() as empty:
        aftermath = site.restore(empty)
        assert (aftermath.erasures, aftermath.erased, aftermath.warnings) == (1, 1, [])
        assert "Zara Khan" not in names(empty)
        assert "Omar Else" in names(empty)
        assert verified(empty) == [], "a restore is no tampering, and the log tells of it"
        assert checkpoints.write(empty.work) == 0, "the log has told of the restore, and of nothing else"
        assert verified(empty) == []
        assert one(empty, "SELECT count(*) FROM pulse_notice WHERE kind = 'audit.broken'") == (0,)
    assert verified(site.house), "the database that went on elsewhere is not the one the ledger tells of any more"


def test_archives_that_are_lost_or_damaged_do_not_stop_a_restore(site: BackedUp, scene: Scene) -> None:
    messages = site.house.registry.rules["pulse_message"].model.__table__
    at = (datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC))
    empty_rows = files.table_of(files.schema(messages), [])
    with site.house.work(SYSTEM) as work, guard.platform_scope(work.session, "test"):
        lost, damaged, good = (
            archives.write("pulse_message", scene.organisation, "2026-01", empty_rows, at) for _ in range(3)
        )
        work.session.add_all([lost, damaged, good])
    forgetful(site, scene.organisation)
    places.archive.delete(lost.name)
    places.archive.put(damaged.name, b"x" * 80)
    with site.empty_site() as empty:
        aftermath = site.restore(empty)
        assert "Zara Khan" not in names(empty)
        assert one(empty, "SELECT count(*) FROM pulse_archive") == (2,)
    assert aftermath.erased == 1
    assert [lost.name in aftermath.warnings[0], damaged.name in aftermath.warnings[1]] == [True, True]
    assert len(aftermath.warnings) == 2


def test_a_store_without_any_archive_is_taken_for_the_wrong_one(site: BackedUp, scene: Scene) -> None:
    with site.house.work(SYSTEM) as work, guard.platform_scope(work.session, "test"):
        shape = files.schema(site.house.registry.rules["pulse_message"].model.__table__)
        at = datetime(2026, 1, 1, tzinfo=UTC)
        made = archives.write("pulse_message", scene.organisation, "2026-01", files.table_of(shape, []), (at, at))
        work.session.add(made)
    places.archive.delete(made.name)
    assert archives.forget_lost(site.house.work) == []
    with site.house.work(SYSTEM) as work, guard.platform_scope(work.session, "test"):
        assert [row.name for row in archives.listed(work, None, is_all=True)] == [made.name]


def test_every_error_of_a_restore_is_a_sentence(site: BackedUp) -> None:
    for error in (pipes.BackupFailed, Refused, Misconfigured):
        assert issubclass(error, PulseError)
    assert taking.is_left_out("pulse_api_request_p202611")
    assert not taking.is_left_out("pulse_audit_p202611")
