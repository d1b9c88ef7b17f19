"""What an operator does from the command line, on a real database."""

from collections.abc import Iterator

import pytest
from cryptography.fernet import Fernet
from flask_appbuilder.security.sqla.models import User
from sqlalchemy import select

from connectpulse.commands import access, accounts
from connectpulse.core.errors import Misconfigured, NotFound, Refused
from connectpulse.core.services import connections, records
from connectpulse.core.services.access import factors, passwords, people, sessions, tries
from connectpulse.core.services.access.devices import Visit
from connectpulse.core.storage import guard
from connectpulse.core.storage.models import AuditEntry, Connection, WrongTries
from connectpulse.core.storage.vault import keyring
from connectpulse.house import House
from connectpulse.testing.factories import ADMINISTRATOR
from connectpulse.web.security.accounts import by_email


@pytest.fixture
def keys(house: House) -> Iterator[tuple[str, str]]:
    """An old key and a new one; the process's own come back afterwards."""
    yield Fernet.generate_key().decode(), Fernet.generate_key().decode()
    keyring.set(house.settings.encryption_keys)


def verbs(house: House) -> list[str]:
    with house.work(ADMINISTRATOR) as work, guard.platform_scope(work.session, "test"):
        return list(
            work.session.scalars(
                select(AuditEntry.verb).where(AuditEntry.actor_kind == "command").order_by(AuditEntry.id)
            )
        )


def test_after_a_rotation_the_old_key_opens_nothing_and_is_not_needed(house: House, keys: tuple[str, str]) -> None:
    old, new = keys
    keyring.set([old])
    with house.work(ADMINISTRATOR) as work:
        account = {"host": "127.0.0.1", "system_id": "pulse", "password": "a-secret"}
        identity = connections.create(work, "A", "smpp", account).id
    keyring.set([new, old])
    assert accounts.rotate_keys(house) == 1
    keyring.set([new])
    with house.work(ADMINISTRATOR) as work:
        assert records.find(work, Connection, identity).secrets["password"] == "a-secret"
    keyring.set([old])
    with house.work(ADMINISTRATOR) as work, pytest.raises(Misconfigured, match="cannot be decrypted"):
        records.find(work, Connection, identity)
    assert verbs(house) == ["platform.keys_rotated"]


def test_an_administrator_is_made_once_and_on_the_record(house: House) -> None:
    made_up = accounts.create_administrator(house, "root", "root@example.org", "Rabia Root", "")
    assert len(made_up) >= 20
    assert accounts.create_administrator(house, "two", "two@example.org", "Two", "a-long-password") == ""
    with pytest.raises(Refused, match="already"):
        accounts.create_administrator(house, "root", "other@example.org", "Rabia", "")
    assert verbs(house) == ["user.created", "user.created"]


def test_an_account_is_switched_off_and_on_and_given_another_password(house: House) -> None:
    accounts.create_administrator(house, "root", "root@example.org", "Rabia Root", "a-long-password")
    accounts.set_active(house, "Root@example.org", False)
    assert not user_of(house).active
    accounts.set_active(house, "root@example.org", True)
    assert user_of(house).active
    made_up = accounts.set_password(house, "root@example.org", "")
    assert passwords.fits(user_of(house).password, made_up)
    with pytest.raises(Refused, match="at least 10 characters"):
        accounts.set_password(house, "root@example.org", "short")
    assert passwords.fits(user_of(house).password, made_up)
    with pytest.raises(NotFound, match="Nobody has an account"):
        accounts.set_active(house, "nobody@example.org", False)
    assert verbs(house) == ["user.created", "user.updated", "user.updated", "user.password_changed"]


def test_whoever_cannot_get_in_is_helped_from_the_command_line(house: House) -> None:
    accounts.create_administrator(house, "root", "root@example.org", "Rabia Root", "a-long-password")
    with house.work(ADMINISTRATOR) as work:
        person = people.by_email(work, "root@example.org")
        assert person is not None
        counts = [tries.by_account("root", person)]
        tries.take(work, counts)
        factors.begin_totp(work, person.id)
        token = sessions.start(work, person.id, Visit("::1"), "password")
    access.unlock(house, "Root@example.org")
    access.reset_factors(house, "root@example.org")
    with house.work(ADMINISTRATOR) as work:
        assert factors.pending_totp(work, person.id) == ""
        assert sessions.find(work, token) is None
        assert work.session.query(WrongTries).count() == 0
    for act in (access.unlock, access.reset_factors):
        with pytest.raises(NotFound, match="Nobody has an account"):
            act(house, "nobody@example.org")
    assert verbs(house) == ["user.created", "user.unlocked", "user.factors_reset"]


def user_of(house: House) -> User:
    with house.work(ADMINISTRATOR) as work:
        found = by_email(work, "root@example.org")
    assert found is not None
    return found
