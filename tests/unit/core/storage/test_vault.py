"""Stored credentials: unreadable without the key, readable through a rotation, never stored in the clear."""

from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import text

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
    with house.engine.begin() as connection:
        assert vault.rotate_all(connection) == 2
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
