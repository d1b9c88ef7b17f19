"""Stored credentials: unreadable without the key, readable through a rotation, never stored in the clear."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import Any

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import event, text

from connectpulse.core.errors import Misconfigured
from connectpulse.core.storage import vault
from connectpulse.core.storage.models import Connection
from connectpulse.core.storage.vault import keyring
from connectpulse.house import House

OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()


@pytest.fixture(autouse=True)
def _keys(house: House) -> Iterator[None]:
    yield
    keyring.set(house.settings.encryption_keys)


def _store(house: House, name: str, secrets: dict[str, Any]) -> None:
    with house.sessions() as session:
        session.add(Connection(name=name, channel="sms", provider="smpp", token=name, settings={}, secrets=secrets))
        session.commit()


def _read(house: House) -> list[dict[str, Any]]:
    with house.sessions() as session:
        return [row.secrets for row in session.query(Connection).order_by(Connection.id)]


def _sealed(house: House) -> list[bytes]:
    with house.engine.connect() as connection:
        rows = connection.execute(text("SELECT secrets FROM pulse_connection WHERE secrets IS NOT NULL ORDER BY id"))
        return [bytes(row[0]) for row in rows]


def test_a_credential_is_stored_sealed(house: House) -> None:
    _store(house, "one", {"password": "mirpurkhas"})
    assert b"mirpurkhas" not in _sealed(house)[0]
    assert _read(house) == [{"password": "mirpurkhas"}]


def test_nothing_is_stored_for_nothing(house: House) -> None:
    _store(house, "one", {})
    assert _sealed(house) == []
    assert _read(house) == [{}]


def test_a_rotation_in_three_steps_loses_nothing(house: House) -> None:
    keyring.set([OLD])
    _store(house, "one", {"password": "a"})
    _store(house, "two", {"password": "b"})
    _store(house, "none", {})
    keyring.set([NEW, OLD])
    before = _sealed(house)
    assert _read(house) == [{"password": "a"}, {"password": "b"}, {}]
    assert vault.rotate_all(house.engine) == 2
    assert not set(before) & set(_sealed(house))
    keyring.set([NEW])
    assert _read(house) == [{"password": "a"}, {"password": "b"}, {}]


def test_a_missing_key_is_said_in_words(house: House) -> None:
    keyring.set([OLD])
    _store(house, "one", {"password": "a"})
    keyring.set([NEW])
    with pytest.raises(Misconfigured, match="its key is missing from ENCRYPTION_KEYS"):
        _read(house)


def test_what_is_no_key_is_refused() -> None:
    with pytest.raises(Misconfigured, match="connectpulse keys"):
        keyring.set(["secret"])


@contextmanager
def _watched(house: House) -> Iterator[list[int]]:
    """Collect how many rows each statement brings or changes."""
    counts: list[int] = []

    def note(_connection: Any, cursor: Any, *_: Any) -> None:
        counts.append(cursor.rowcount)

    event.listen(house.engine, "after_cursor_execute", note)
    try:
        yield counts
    finally:
        event.remove(house.engine, "after_cursor_execute", note)


def test_a_rotation_goes_page_by_page_and_may_be_interrupted(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vault, "PAGE", 3)
    keyring.set([OLD])
    for number in range(8):
        _store(house, f"{number}", {"password": f"{number}"})
    keyring.set([NEW, OLD])
    rotate = keyring.rotate
    seen: list[bytes] = []

    def break_in_the_second_page(sealed: bytes) -> bytes:
        seen.append(sealed)
        if len(seen) == 5:
            raise KeyboardInterrupt
        return rotate(sealed)

    before = _sealed(house)
    monkeypatch.setattr(keyring, "rotate", break_in_the_second_page)
    with pytest.raises(KeyboardInterrupt):
        vault.rotate_all(house.engine)
    monkeypatch.setattr(keyring, "rotate", rotate)
    halfway = _sealed(house)
    assert [old == new for old, new in zip(before, halfway, strict=True)] == [False] * 3 + [True] * 5
    with _watched(house) as counts:
        assert vault.rotate_all(house.engine) == 8
    assert max(counts) == 3
    keyring.set([NEW])
    assert _read(house) == [{"password": f"{number}"} for number in range(8)]


def test_what_another_changes_meanwhile_is_not_undone(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    keyring.set([OLD])
    _store(house, "one", {"password": "a"})
    keyring.set([NEW, OLD])
    rotate, others = keyring.rotate, ThreadPoolExecutor(1)
    changes: list[Future[None]] = []

    def change() -> None:
        with house.sessions() as session:
            session.query(Connection).one().secrets = {"password": "b"}
            session.commit()

    def rotate_slowly(sealed: bytes) -> bytes:
        changes.append(others.submit(change))
        assert wait(changes, 0.3).not_done  # it waits for the row
        return rotate(sealed)

    monkeypatch.setattr(keyring, "rotate", rotate_slowly)
    with others:
        assert vault.rotate_all(house.engine) == 1
    changes[0].result(10)
    assert _read(house) == [{"password": "b"}]


def test_a_rotation_without_the_old_key_says_which_is_missing(house: House) -> None:
    keyring.set([OLD])
    _store(house, "one", {"password": "a"})
    keyring.set([NEW])
    with pytest.raises(Misconfigured, match="its key is missing from ENCRYPTION_KEYS"):
        vault.rotate_all(house.engine)
