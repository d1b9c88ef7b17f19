"""The embedded server's log, put away segment by segment and rolled forward again to a moment."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from pyrage import x25519
from sqlalchemy.engine import make_url

from connectpulse.core.domain.settings import fresh_secrets
from connectpulse.core.errors import NotFound, Refused
from connectpulse.core.services.backups import bases, line, plan, rewinding, segments
from connectpulse.core.services.backups.taking import connected
from connectpulse.core.storage import keep_segment, spooling
from connectpulse.core.storage.embedded import EmbeddedServer
from connectpulse.core.storage.stores import Store
from connectpulse.core.storage.trust import canonical, sealed, trust
from connectpulse.testing.memory import folder_in_memory

LINE = "0123456789abcdef"
FIRST = "000000010000000000000001"


@pytest.fixture
def key() -> Iterator[x25519.Identity]:
    trust.set(fresh_secrets()["TRUST_KEY"])
    identity = x25519.Identity.generate()
    plan.use(str(identity.to_public()), 2, (14, 8, 12), wal_days=2)
    yield identity
    plan.use("", 2, (14, 8, 12))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "backups"))


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A place for clusters, in memory if there is room."""
    with folder_in_memory() as memory:
        yield memory or tmp_path


@dataclass(slots=True)
class Site:
    """A server that keeps its log, with one table."""

    server: EmbeddedServer
    store: Store
    key: x25519.Identity

    @property
    def folder(self) -> Path:
        return self.server.folder

    def ask(self, query: str) -> Any:
        with connected(make_url(self.server.url)) as connection:
            return connection.execute(query).fetchone()  # type: ignore[call-overload]

    def write(self, word: str) -> datetime:
        """Write a word; return a moment after it."""
        self.ask(f"WITH made AS (INSERT INTO word VALUES ('{word}') RETURNING 1) SELECT * FROM made")
        moment: datetime = self.ask("SELECT clock_timestamp()")[0]
        return moment

    def put_away(self) -> int:
        """Finish the segment that is written to, wait until PostgreSQL has kept it, put it away."""
        name = self.ask("SELECT pg_walfile_name(pg_switch_wal() - 1)")[0]
        with connected(make_url(self.server.url)) as connection:
            connection.execute("SET statement_timeout = '20s'")
            connection.execute(
                "DO $$ BEGIN WHILE (SELECT coalesce(last_archived_wal, '') FROM pg_stat_archiver) < '"  # type: ignore[arg-type]
                f"{name}' LOOP PERFORM pg_sleep(0.02); PERFORM pg_stat_clear_snapshot(); END LOOP; END $$"
            )
        return self.ship()

    def ship(self) -> int:
        return line.ship(self.folder, self.store, self.key.to_public(), lambda why: None)

    def base(self) -> bases.Base:
        self.ship()
        made = bases.make_due(self.folder, make_url(self.server.url), self.store, lambda: datetime.now(UTC))
        assert made is not None
        return made


@contextmanager
def serving(folder: Path, store: Store, key: x25519.Identity) -> Iterator[Site]:
    server = EmbeddedServer(folder, {"shared_buffers": "32MB"}, is_archiving=True)
    try:
        server.ensure_running()
        site = Site(server, store, key)
        with connected(make_url(server.url)) as connection:
            connection.execute("CREATE TABLE word (word text)")
        yield site
    finally:
        server.stop("immediate")


def words(folder: Path) -> list[str]:
    server = EmbeddedServer(folder)
    try:
        with psycopg.connect(server.ensure_running().replace("+psycopg", "")) as connection:
            return [row[0] for row in connection.execute("SELECT word FROM word ORDER BY ctid")]
    finally:
        server.stop("immediate")


def rewind(site: Site, folder: Path, moment: datetime | None) -> list[str]:
    way = rewinding.find(site.store, moment)
    rewinding.fetch(site.store, way, site.key, folder / "cluster")
    reached = rewinding.recover(folder, way.base, moment)
    assert moment is None or reached.moment <= moment
    return words(folder)


def test_a_server_is_turned_back_to_a_moment_and_to_the_last_one(
    folder: Path, store: Store, key: x25519.Identity
) -> None:
    with serving(folder / "a b's", store, key) as site:
        site.write("before")
        made = site.base()
        moment = site.write("kept")
        site.write("too late")
        site.put_away()
        last = site.write("last")
        site.put_away()
        site.write("never finished")
        site.server.stop("immediate")
        assert rewind(site, folder / "moment", moment) == ["before", "kept"]
        assert rewind(site, folder / "latest", None) == ["before", "kept", "too late", "last"]
        with pytest.raises(Refused, match="ends before that moment"):
            rewind(site, folder / "future", last + timedelta(hours=1))
        with pytest.raises(NotFound, match="no base"):
            rewinding.find(store, made.moment - timedelta(seconds=1))
        assert not line.waiting(site.folder)
        objects = [entry.name for entry in store.entries()]
        assert all(b"never finished" not in store.get(name) and b"too late" not in store.get(name) for name in objects)


def test_a_log_with_a_gap_is_brought_back_until_it_and_a_new_line_begins(
    folder: Path, store: Store, key: x25519.Identity
) -> None:
    with serving(folder / "site", store, key) as site:
        first = site.base()
        site.write("before the gap")
        site.put_away()
        site.write("in the gap")
        dropped = site.ask("SELECT pg_walfile_name(pg_current_wal_lsn())")[0]
        (spooling.folder(site.folder) / keep_segment.GAP).write_text(dropped)
        told: list[str] = []
        site.ask("SELECT pg_switch_wal()")
        line.ship(site.folder, store, key.to_public(), told.append)
        writing = line.current(site.folder)
        assert writing is not None
        assert writing.id != first.line
        assert told == ["The spool was full, and changes were not put away."]
        assert line.gap(site.folder) == ""
        assert rewind(site, folder / "until", None) == ["before the gap"]
        assert site.base().line == writing.id
        site.put_away()
        site.server.stop("immediate")
        assert rewind(site, folder / "after", None) == ["before the gap", "in the gap"]


def test_a_full_spool_drops_segments_and_says_so_instead_of_stopping_the_server(tmp_path: Path) -> None:
    (tmp_path / "segment").write_bytes(b"x" * 100)
    spool = tmp_path / "spool"
    spool.mkdir()
    kept = [keep_segment.keep(str(tmp_path / "segment"), str(spool), name, 250) for name in ("1", "2", "3", "4")]
    assert kept == [0, 0, 0, 0]
    assert sorted(path.name for path in spool.iterdir()) == ["1", "2", "gap"]
    assert (spool / "gap").read_text() == "3"


def test_a_segment_is_kept_twice_but_never_overwritten(tmp_path: Path) -> None:
    segment = tmp_path / "segment"
    segment.write_bytes(b"one")
    run = ["/usr/bin/env", "python3", "-I", "-S", keep_segment.__file__, str(segment), str(tmp_path), FIRST, "1000"]
    assert subprocess.run(run, check=False).returncode == 0
    assert subprocess.run(run, check=False).returncode == 0
    segment.write_bytes(b"two")
    assert subprocess.run(run, check=False).returncode == 1
    assert (tmp_path / FIRST).read_bytes() == b"one"


def spooled(folder: Path, name: str, content: bytes) -> None:
    spooling.folder(folder).mkdir(parents=True, exist_ok=True)
    (spooling.folder(folder) / name).write_bytes(content)


def test_a_copy_of_a_site_does_not_write_over_the_log_of_the_first(
    tmp_path: Path, store: Store, key: x25519.Identity
) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    told: list[str] = []
    spooled(one, FIRST, b"a")
    line.ship(one, store, key.to_public(), told.append)
    shutil.copytree(one, two)
    following = segments.following(FIRST)
    for folder, content in ((one, b"ours"), (two, b"theirs")):
        spooled(folder, following, content)
        line.ship(folder, store, key.to_public(), told.append)
    first, second = line.current(one), line.current(two)
    assert first is not None
    assert second is not None
    assert first.id != second.id
    assert len(told) == 1
    for writing, content in ((first, b"ours"), (second, b"theirs")):
        sealed = store.get(segments.stored(writing.id, following))
        assert segments.unseal(writing.id, following, sealed, key) == content


def test_a_segment_that_was_put_away_and_not_forgotten_is_put_away_again(
    tmp_path: Path, store: Store, key: x25519.Identity
) -> None:
    told: list[str] = []
    for _ in range(2):
        spooled(tmp_path, FIRST, b"a")
        line.ship(tmp_path, store, key.to_public(), told.append)
    assert told == []
    assert len(store.entries()) == 1


def test_a_store_that_cannot_be_reached_leaves_segments_in_the_spool(tmp_path: Path, key: x25519.Identity) -> None:
    (tmp_path / "file").write_text("no folder")
    broken = Store(str(tmp_path / "file" / "backups"))
    spooled(tmp_path, FIRST, b"a")
    with pytest.raises(NotADirectoryError):
        line.ship(tmp_path, broken, key.to_public(), lambda why: None)
    assert [path.name for path in line.waiting(tmp_path)] == [FIRST]
    assert line.ship(tmp_path, Store(str(tmp_path / "good")), key.to_public(), lambda why: None) == 1


def test_every_changed_byte_another_name_and_another_site_are_refused(key: x25519.Identity) -> None:
    sealed = segments.seal(LINE, FIRST, b"content", key.to_public())
    assert segments.unseal(LINE, FIRST, sealed, key) == b"content"
    for at in range(0, len(sealed), 7):
        with pytest.raises(Refused):
            segments.unseal(LINE, FIRST, sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :], key)
    for other, name in ((LINE, segments.following(FIRST)), ("f" * 16, FIRST)):
        with pytest.raises(Refused, match="not what this site put away"):
            segments.unseal(other, name, sealed, key)
    with pytest.raises(Refused, match="This key does not open"):
        segments.unseal(LINE, FIRST, sealed, x25519.Identity.generate())
    trust.set(fresh_secrets()["TRUST_KEY"])
    with pytest.raises(Refused):
        segments.unseal(LINE, FIRST, sealed, key)


def test_names_follow_one_another_as_postgresql_counts() -> None:
    assert segments.following("0000000100000000000000FF") == "000000010000000100000000"
    assert segments.following("00000002000000010000000F") == "000000020000000100000010"


def test_a_server_that_stops_keeping_its_log_begins_a_new_line_later(tmp_path: Path) -> None:
    (tmp_path / "cluster").mkdir()
    spooling.begin(tmp_path, "password")
    spooled(tmp_path, FIRST, b"a")
    spooling.line_file(tmp_path).write_text("{}")
    spooling.end(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["cluster"]
    assert list((tmp_path / "cluster").iterdir()) == []


NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


def based(store: Store, line_id: str, days_ago: float, first: int) -> bases.Base:
    """Put a base into the store that was made so many days before NOW, with the segment it begins in."""
    taken, name = NOW - timedelta(days=days_ago), f"{first:024X}"
    made = bases.Base(
        f"base-{taken:%Y%m%dT%H%M%S%fZ}", line_id, taken.isoformat(), name, name, "", 0, "", 0, "", 18, "0"
    )
    store.put(made.path + bases.MANIFEST, canonical(sealed(asdict(made))))
    for object_name in (made.file, segments.stored(line_id, name)):
        store.put(object_name, b"")
    for each in (made.path + bases.MANIFEST, made.file, segments.stored(line_id, name)):
        os.utime(f"{store.url}/{each}", (taken.timestamp(), taken.timestamp()))
    return made


def names(store: Store) -> set[str]:
    return {base.name for base in bases.every(store, store.entries(segments.FOLDER))}


def test_bases_and_segments_that_no_moment_needs_are_deleted(store: Store, key: x25519.Identity) -> None:
    made = [based(store, LINE, days, first) for days, first in ((4, 1), (3, 2), (1.5, 3), (0.5, 4))]
    bases.rotate(store, LINE, NOW, 2)
    assert names(store) == {each.name for each in made[1:]}
    assert [each.name for each in store.entries() if each.name.endswith(f"{1:024X}{segments.FILE}")] == []
    assert store.has(segments.stored(LINE, made[1].first))
    assert bases.rotate(store, LINE, NOW + timedelta(days=30), 2) == 6
    assert names(store) == {made[-1].name}, "the newest is always kept"


def test_the_line_of_a_lost_site_is_kept_until_its_own_reaches_as_far_back(store: Store, key: x25519.Identity) -> None:
    old, new = based(store, "f" * 16, 9, 1), based(store, LINE, 0.5, 1)
    bases.rotate(store, LINE, NOW, 2)
    assert names(store) == {old.name, new.name}
    bases.rotate(store, LINE, NOW + timedelta(days=2), 2)
    assert names(store) == {new.name}


def test_lines_of_another_site_are_left_alone(store: Store, key: x25519.Identity) -> None:
    based(store, "f" * 16, 9, 1)
    trust.set(fresh_secrets()["TRUST_KEY"])
    based(store, LINE, 3, 1)
    bases.rotate(store, LINE, NOW, 2)
    assert bases.forget_lines(store, NOW + timedelta(days=30)) == 3
    assert [each.name.split("/")[1] for each in store.entries()] == ["f" * 16] * 3


def test_what_was_half_written_is_cleared_away_once_nobody_writes_it(store: Store, key: x25519.Identity) -> None:
    based(store, LINE, 1, 1)
    draft = Path(f"{store.url}/wal/{LINE}/base.draft")
    draft.write_bytes(b"half")
    store.clear_drafts(datetime.now(UTC) - timedelta(days=1))
    assert draft.exists()
    store.clear_drafts(datetime.now(UTC) + timedelta(seconds=5))
    assert not draft.exists()
