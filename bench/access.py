"""Signing in: whether a wrong name can be told from a wrong password by time, and what a session costs a request."""

import statistics
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import text

from connectpulse.core.errors import Refused
from connectpulse.core.services.access import passwords, sessions, signing_in
from connectpulse.core.services.access.devices import Visit
from connectpulse.testing.factories import ADMINISTRATOR
from connectpulse.web.security import accounts
from connectpulse.web.security.accounts import Account

from .figure import Figure
from .scene import scene

PASSWORD: Final = "correct-horse-battery"


def measure(samples: int) -> Iterator[Figure]:
    """Yield medians in microseconds over `samples` of each kind, taken in turns so that a busy machine hits both."""
    with scene() as stage:
        house, at = stage.house, [datetime.now(UTC)]
        house.clock = lambda: at[0]
        with house.work(ADMINISTRATOR) as work:
            for name in ("amina", "bilal"):
                accounts.create(work, Account(name, f"{name}@example.org", name.capitalize(), ""), PASSWORD)

        def wrong(name: str, number: int) -> None:
            at[0] += timedelta(days=2)  # each is the first attempt in a row
            try:
                signing_in.by_password(lambda: house.work(ADMINISTRATOR), Visit(f"2001:db8:{number:x}::1"), name, "no")
            except Refused:
                return
            raise AssertionError("a wrong password was taken")

        known, unknown = [], []
        for number in range(samples + 5):
            known.append(_took(lambda n=number: wrong("amina", n)))
            unknown.append(_took(lambda n=number: wrong("nobody", n)))
        yield Figure("unknown_name", _median(unknown[5:]), "µs", "a wrong password", _median(known[5:]))
        stored = passwords.hashed(PASSWORD)
        yield Figure("password_check", _median([_took(lambda: passwords.fits(stored, PASSWORD))
                                                for _ in range(20)]), "µs")  # fmt: skip
        at[0] = datetime.now(UTC)
        token = signing_in.by_password(lambda: house.work(ADMINISTRATOR), Visit("::1"), "bilal", PASSWORD).token
        with house.work(ADMINISTRATOR) as work:
            looked = [_took(lambda: sessions.find(work, token)) for _ in range(samples)]
            bare = [_took(lambda: work.session.execute(text("SELECT 1")).scalar()) for _ in range(samples)]
        yield Figure("session_lookup", _median(looked), "µs", "SELECT 1", _median(bare))


def _took(act: Callable[[], object]) -> float:
    begun = time.perf_counter()
    act()
    return 1e6 * (time.perf_counter() - begun)


def _median(spent: list[float]) -> float:
    return statistics.median(spent)
