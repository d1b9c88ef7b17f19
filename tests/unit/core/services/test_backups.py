"""Backups: made whole or not at all, encrypted for a key that is elsewhere, found damaged, brought back."""

import io
import random
import resource
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

from connectpulse.core.errors import Misconfigured, NotFound, Refused
from connectpulse.core.services.backups import manifest, pipes, plan, programs, running, taking
from connectpulse.core.storage.embedded import EmbeddedServer
from connectpulse.core.storage.models import Backup
from connectpulse.core.storage.stores import Store, places
from connectpulse.testing import factories
from tests.unit.core.services.backup_scene import MARKER, BackedUp, backed_up, files, notices, said


@pytest.fixture
def site(site: BackedUp) -> BackedUp:
    """A site with one person in it, whose name is the marker."""
    organisation = factories.organisation(site.house)
    with site.house.work(factories.ADMINISTRATOR, organisation) as work:
        factories.contact(work, "+923001234567", MARKER)
    return site


def every_file(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_a_backup_is_made_and_written_down(site: BackedUp, tmp_path: Path) -> None:
    made = site.make()
    assert files(site.store) == [made.file, made.name + ".json"]
    assert manifest.verify(site.store, made.name) == made
    assert made.counts["pulse_contact"] == 1
    row = site.row(1)
    assert (row.state, row.size, row.digest) == ("done", made.size, made.digest)
    assert row.taken_at == made.moment
    assert said(site, "backup.asked") == said(site, "backup.made") == 1
    for path in every_file(tmp_path / "backups"):
        assert MARKER.encode() not in path.read_bytes()
        assert path.stat().st_mode & 0o077 == 0
    dump = io.BytesIO()
    with site.store.reading(made.file) as source:
        plain = pipes.unpack(source, made.file, pipes.read_identity(site.identity), dump)
    assert plain.digest == made.dump_digest
    assert dump.getvalue()[:5] == b"PGDMP"
    assert MARKER.encode() in dump.getvalue()


def test_one_is_made_at_a_time(site: BackedUp) -> None:
    asked = site.ask()
    with pytest.raises(Refused, match="being made already"):
        site.ask()
    assert running.run(site.house.work, asked, "one")
    assert not running.run(site.house.work, asked, "two")
    assert said(site, "backup.made") == 1


def test_nobody_asks_without_a_recipient(site: BackedUp) -> None:
    plan.use("", 2, (14, 8, 12))
    with pytest.raises(Refused, match="BACKUP_RECIPIENT is not set"):
        site.ask()
    with pytest.raises(Misconfigured, match="age recipient"):
        plan.use("age1nonsense", 2, (14, 8, 12))


def test_a_killed_worker_leaves_its_backup_to_the_next(site: BackedUp) -> None:
    asked = site.ask()
    with site.house.work(factories.ADMINISTRATOR) as work:
        work.session.execute(
            text("UPDATE pulse_backup SET state = 'running', worker = 'dead', lease_until = now() - interval '1 s'")
        )
        assert running.due(work) == [asked]
    assert running.run(site.house.work, asked, "next")
    assert site.row(asked).state == "done"


def test_a_backup_whose_maker_died_after_the_manifest_is_not_made_again(site: BackedUp) -> None:
    made = site.make()
    with site.house.work(factories.ADMINISTRATOR) as work:
        work.session.execute(text("UPDATE pulse_backup SET state = 'running', worker = 'dead', lease_until = now()"))
    assert running.run(site.house.work, 1, "next")
    assert site.row(1).digest == made.digest == manifest.read(site.store, made.name).digest


def test_a_worker_that_lost_its_lease_stops(site: BackedUp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "BEAT", 0.01)
    asked = site.ask()
    url, name = site.house.engine.url, site.row(asked).name
    with site.house.work(factories.ADMINISTRATOR) as work:
        work.session.execute(text("UPDATE pulse_backup SET state = 'running', worker = 'other'"))
    with running._lease(site.house.work, asked, "me") as lease:
        deadline = time.monotonic() + 30
        while not lease.is_lost and time.monotonic() < deadline:
            time.sleep(0.01)
        with pytest.raises(running.LeaseLost):
            taking.make(url, site.store, name, site.house.clock, lease.watch)
    assert files(site.store) == []


@contextmanager
def no_file_above(size: int) -> Iterator[None]:
    """Let the system refuse to write more than `size` bytes to a file, as a full disk does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_leaves_nothing_half_written_and_is_tried_again(site: BackedUp, tmp_path: Path) -> None:
    asked = site.ask()
    with no_file_above(20_000):
        assert not running.run(site.house.work, asked, "test")
    assert every_file(tmp_path / "backups") == []
    row = site.row(asked)
    assert row.state == "waiting"
    assert "File too large" in row.error
    assert row.due_at > site.house.clock()
    [notice] = notices(site, "backup.failed")
    assert "tried again" in notice.body
    assert said(site, "backup.failed") == 1
    with site.house.work(factories.ADMINISTRATOR) as work:
        work.session.execute(text("UPDATE pulse_backup SET due_at = now()"))
    assert running.run(site.house.work, asked, "test")
    assert notices(site, "backup.failed") == []


def test_a_store_that_does_not_answer_is_told(
    database_server: EmbeddedServer, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    nobody = "s3://pulse/site?endpoint_url=http://127.0.0.1:9"
    with backed_up(database_server, database_url, tmp_path, nobody) as site:
        asked = site.ask()
        assert not running.run(site.house.work, asked, "test")
        assert site.row(asked).state == "waiting"
        assert site.row(asked).error
        assert len(notices(site, "backup.failed")) == 1


def test_after_many_failures_it_waits_for_the_next_day(site: BackedUp, tmp_path: Path) -> None:
    (tmp_path / "backups").write_text("a file where the folder should be")
    asked = site.ask()
    for _ in range(running.MOST_ATTEMPTS):
        with site.house.work(factories.ADMINISTRATOR) as work:
            work.session.execute(text("UPDATE pulse_backup SET due_at = now()"))
        assert not running.run(site.house.work, asked, "test")
    assert site.row(asked).state == "failed"
    assert len(notices(site, "backup.failed")) == 1


def test_a_dump_that_fails_says_why(site: BackedUp) -> None:
    lost = site.house.engine.url.set(database="nowhere")
    moment = taking.Moment(site.house.clock(), "00000003-0000001B-1", 18)
    command, env = taking._command(lost, moment)
    with pytest.raises(pipes.BackupFailed, match="nowhere"), site.store.writing("x") as out:
        pipes.pack(command, env, out, plan.read_recipient(plan.site().recipient))
    assert files(site.store) == []


def test_passwords_are_not_in_what_others_see(site: BackedUp) -> None:
    url = site.house.engine.url
    address, env = programs.place(url)
    assert url.password
    assert str(url.password) not in address
    assert env["PGPASSWORD"] == url.password


def test_programs_fit_the_server_or_it_is_said_what_to_install() -> None:
    assert programs.find("pg_dump", 15, 18).name == "pg_dump"
    with pytest.raises(Misconfigured, match="postgresql-client-99"):
        programs.find("pg_dump", 99, 99)


def is_found(store: Store, name: str) -> bool:
    """Return whether what is wrong with a backup is seen, and its file named."""
    try:
        manifest.verify(store, name)
    except Refused as refusal:
        return name in str(refusal)
    return False


def test_a_hundred_flipped_bits_are_found(site: BackedUp) -> None:
    made = site.make()
    seed = secrets.randbits(32)
    dice = random.Random(seed)
    objects = {name: site.store.get(name) for name in files(site.store)}
    for _ in range(100):
        name = dice.choice(sorted(objects))
        content = bytearray(objects[name])
        place = dice.randrange(len(content))
        content[place] ^= 1 << dice.randrange(8)
        site.store.put(name, bytes(content))
        assert is_found(site.store, made.name), f"seed {seed}: byte {place} of {name} was changed and nobody saw it"
        site.store.put(name, objects[name])
    assert manifest.verify(site.store, made.name) == made


def test_a_file_of_another_length_is_named(site: BackedUp) -> None:
    made = site.make()
    content = site.store.get(made.file)
    for changed in (content[:-1], content[: len(content) // 2], content + b"\0", b"", None):
        site.store.delete(made.file) if changed is None else site.store.put(made.file, changed)
        with pytest.raises(Refused, match=made.file):
            manifest.verify(site.store, made.name)


def test_even_without_a_manifest_a_changed_file_does_not_pass(site: BackedUp) -> None:
    made = site.make()
    content = site.store.get(made.file)
    identity = pipes.read_identity(site.identity)
    for changed in (content[:-100], content[:5000] + b"x" + content[5001:], b"", b"nothing of the kind"):
        site.store.put("changed", changed)
        with site.store.reading("changed") as source, pytest.raises(Refused, match="the file"):
            pipes.unpack(source, "the file", identity, io.BytesIO())


def test_a_manifest_of_another_site_is_refused(site: BackedUp) -> None:
    made = site.make()
    forged = replace(made, size=1)
    from connectpulse.core.storage.trust import trust

    trust.set(secrets.token_urlsafe(48))
    manifest.write(site.store, forged)
    trust.set(site.settings.trust_key)
    with pytest.raises(Refused, match="signed by another site"):
        manifest.read(site.store, made.name)


def test_a_backup_that_is_not_there(tmp_path: Path) -> None:
    for name in ("pulse-none", "../etc/passwd", "", "drills/x"):
        with pytest.raises(NotFound):
            manifest.verify(Store(str(tmp_path)), name)
    with pytest.raises(NotFound, match="no backup"):
        manifest.newest(Store(str(tmp_path)))


def test_rows_that_may_not_outlive_their_time_are_left_out(site: BackedUp) -> None:
    with site.house.work(factories.ADMINISTRATOR) as work:
        work.session.execute(text("CREATE TABLE IF NOT EXISTS pulse_api_request_p209901 (path text)"))
        work.session.execute(text("INSERT INTO pulse_api_request_p209901 VALUES ('/api/v1/canary-path')"))
    made = site.make()
    assert "pulse_api_request_p209901" not in made.counts
    with site.empty_site() as empty:
        site.restore(empty)
        with empty.work(factories.ADMINISTRATOR) as work:
            assert work.session.scalar(text("SELECT count(*) FROM pulse_api_request_p209901")) == 0
            assert work.session.scalar(text("SELECT count(*) FROM pulse_contact")) == 1


def test_backups_go_to_an_s3_store_and_come_back(
    database_server: EmbeddedServer, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    address = f"http://{host}:{port}"
    boto3.client("s3", endpoint_url=address).create_bucket(Bucket="pulse")
    try:
        with backed_up(database_server, database_url, tmp_path, f"s3://pulse/b?endpoint_url={address}") as site:
            made = site.make()
            with site.empty_site() as empty:
                site.restore(empty)
                with empty.work(factories.ADMINISTRATOR) as work:
                    assert work.session.query(Backup).filter_by(name=made.name).count() == 1
            with pytest.raises(OSError, match="enough"):
                taking.make(site.house.engine.url, places.backup, "pulse-x", site.house.clock, _stop)
            assert files(site.store) == [made.file, made.name + ".json"]
    finally:
        server.stop()


def _stop(dumped: int) -> None:
    raise OSError("enough")
