"""A house with one account, its clock in the test's hand, and visits from here and from elsewhere."""

import functools
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from unittest.mock import patch

import pyotp

from connectpulse.core.services.access import factors, passwords, people, sessions, signing_in
from connectpulse.core.services.access.devices import Visit
from connectpulse.core.services.access.people import Person
from connectpulse.core.services.access.signing_in import Entered
from connectpulse.core.services.work import Actor, Work
from connectpulse.core.storage import guard
from connectpulse.core.storage.models import SignIn
from connectpulse.house import House
from connectpulse.web.security import accounts

PASSWORD = "correct-horse-battery"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
hashed = functools.cache(passwords.hashed)


@dataclass
class Entrance:
    """The way into a house."""

    house: House
    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    user_id: int = 0

    def __post_init__(self) -> None:
        self.house.clock = lambda: self.at
        with patch.object(passwords, "hashed", hashed), self.work() as work:
            account = accounts.Account("amina", "amina@example.org", "Amina", "Tester")
            self.user_id = accounts.create(work, account, PASSWORD).id

    def work(self) -> AbstractContextManager[Work]:
        return self.house.work(Actor("user", "Operator", 999))

    def later(self, **span: float) -> None:
        self.at += timedelta(**span)

    def person(self) -> Person:
        with self.work() as work:
            found = people.by_id(work, self.user_id)
        assert found is not None
        return found

    def enter(self, password: str = PASSWORD, visit: Visit | None = None, name: str = "amina") -> Entered:
        return signing_in.by_password(self.work, visit or here(), name, password)

    def is_open(self, token: str) -> bool:
        with self.work() as work:
            return sessions.find(work, token) is not None

    def give_app(self) -> pyotp.TOTP:
        """Set up an authenticator app; return what it computes codes with."""
        with self.work() as work:
            app = pyotp.TOTP(factors.begin_totp(work, self.user_id))
        with self.work() as work:
            factors.confirm_totp(work, self.person(), app.at(self.at))
        self.later(seconds=30)
        return app

    def reasons(self) -> list[str]:
        with self.work() as work, guard.platform_scope(work.session, "test"):
            return [row.reason for row in work.session.query(SignIn).order_by(SignIn.id)]


def here(token: str = "") -> Visit:
    return Visit("198.51.100.7", FIREFOX, token)


def elsewhere(number: int = 1) -> Visit:
    return Visit(f"203.0.113.{number}", "curl/8")
