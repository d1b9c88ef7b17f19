"""Passwords: which are refused, hashes of older kinds, and never more at once than the machine bears."""

import threading
from collections.abc import Iterator

import pytest
from werkzeug.security import generate_password_hash

from connectpulse.core.errors import Refused, Wait
from connectpulse.core.services.access import passwords


@pytest.mark.parametrize(
    "password",
    ["short", "password123", "Password1234", "aaaaaaaaaaaa", "12345678901", "abcdefghijkl", "amina.khan",
     "AminaKhan1999",
     "amina.khan@example.org", "a" * 1025, "Connect-Pulse-2026", "WhatsApp!!123", "2026auditor!"],
)  # fmt: skip
def test_a_password_others_would_guess_is_refused(password: str) -> None:
    with pytest.raises(Refused, match=r"password"):
        passwords.check(password, "amina.khan", "amina.khan@example.org", "AminaKhan")


@pytest.mark.parametrize(
    "password",
    ["four random words", "correct-horse-battery", "پاکستان زندہ باد", "x9!kQ2vB7z", "64 letters " * 7,
     "message in a bottle"],
)  # fmt: skip
def test_others_are_accepted(password: str) -> None:
    passwords.check(password, "amina.khan", "amina.khan@example.org")


def test_a_hash_is_argon2id_and_fits_its_password_alone() -> None:
    stored = passwords.hashed("four random words")
    assert stored.startswith("$argon2id$")
    assert len(stored) < 256
    assert passwords.fits(stored, "four random words")
    assert not passwords.fits(stored, "four random word")
    assert not passwords.is_outdated(stored)
    assert not passwords.fits("", "four random words")


@pytest.mark.parametrize("method", ["scrypt", "pbkdf2:sha256:1000"])
def test_hashes_of_older_kinds_fit_and_are_made_anew(method: str) -> None:
    stored = generate_password_hash("four random words", method=method)
    assert passwords.fits(stored, "four random words")
    assert not passwords.fits(stored, "four random word")
    assert passwords.is_outdated(stored)


@pytest.mark.parametrize("stored", ["nonsense", "scrypt:1$x$y", "$argon2id$broken", "md5$a$b", "scrypt:a:b:c$x$y"])
def test_a_broken_hash_fits_nothing(stored: str) -> None:
    assert not passwords.fits(stored, "four random words")


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every turn is taken, and so is every place to wait for one."""
    monkeypatch.setattr(passwords, "_places", threading.BoundedSemaphore(1))
    assert passwords._places.acquire(blocking=False)
    yield
    passwords._places.release()


@pytest.mark.usefixtures("full")
def test_a_flood_is_told_to_wait_instead_of_taking_the_machine() -> None:
    with pytest.raises(Wait) as told:
        passwords.hashed("four random words")
    assert (told.value.status, told.value.seconds > 0) == (503, True)


def test_never_more_are_hashed_at_once_than_there_are_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    running, most = 0, 0
    count, real = threading.Lock(), passwords._ARGON.verify

    class Watched:
        def verify(self, stored: str, password: str) -> bool:
            nonlocal running, most
            with count:
                running += 1
                most = max(most, running)
            try:
                return real(stored, password)
            finally:
                with count:
                    running -= 1

    stored = passwords.hashed("four random words")
    monkeypatch.setattr(passwords, "_decoy", lambda: stored)
    monkeypatch.setattr(passwords, "_ARGON", Watched())
    threads = [threading.Thread(target=passwords.fits, args=(stored, "wrong wrong wrong")) for _ in range(12)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert 1 <= most <= passwords.AT_ONCE
