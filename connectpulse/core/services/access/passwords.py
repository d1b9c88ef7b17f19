"""Passwords: which are refused, how they are hashed (argon2id), and how many are hashed at once."""

import functools
import hashlib
import hmac
import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from ...errors import Refused, Wait

LEAST, MOST = 10, 1024
_ARGON = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)  # OWASP's first choice for argon2id
AT_ONCE = max(2, os.cpu_count() or 2)
QUEUE = 32
PATIENCE = 5.0
"""Seconds a password waits for its turn."""
_turns = threading.BoundedSemaphore(AT_ONCE)
_places = threading.BoundedSemaphore(AT_ONCE + QUEUE)

_COMMON_WORDS = """
1234567890 12345678910 0123456789 0987654321 1122334455 1q2w3e4r5t 1qaz2wsx3edc 1q2w3e4r5t6y abcdefghij abc1234567
abcd123456 administrator admin12345 adminadmin changeme123 chocolate1 computer123 connectpulse football123
iloveyou12 iloveyou123 letmein123 letmeinnow mypassword newpassword p@ssw0rd123 p@ssword123 passw0rd123 password01
password1! password12 password123 password1234 password12345 password2024 password2025 password2026 passwordpassword
pakistan123 pakistan786 princess123 q1w2e3r4t5 q1w2e3r4t5y6 qazwsxedcrfv qwerty1234 qwerty12345 qwerty123456
qwertyuiop qwertyuiop123 sunshine123 superman123 trustno1trustno1 unknown123 welcome123 welcome1234 welcome2026
zaq12wsxcde3 zxcvbnm123 asdfghjkl1 asdfghjkl123 asdfasdfasdf qweasdzxc123 monkey12345 dragon12345 master12345
baseball123 michael123 secret12345 whatever123 starwars123 freedom123 internet123 samsung123 liverpool123
"""
_COMMON = frozenset(_COMMON_WORDS.split())
_OUR_WORDS = """
admin administrator analyst approver auditor bulksms campaign campaigns connect connectpulse gateway iisol message
messages messaging operator pakistan password platform platformadministrator pulse pulseconnect sms smsgateway
smscampaign support welcome whatsapp
"""
_OURS = frozenset(_OUR_WORDS.split())
"""What this product is about: none of it, whatever digits and signs stand around it, makes a password."""


def check(password: str, *own: str) -> None:
    """Raise Refused for a password others would guess; `own` are its owner's names and addresses."""
    if len(password) < LEAST:
        raise Refused(f"Choose a password of at least {LEAST} characters.")
    if len(password) > MOST:
        raise Refused(f"Choose a password of at most {MOST} characters.")
    plain = password.lower().strip()
    if plain in _COMMON or len(set(plain)) < 4 or plain in "01234567890123456789abcdefghijklmnopqrstuvwxyz":
        raise Refused("This password is among the first that others try. Choose another, such as four random words.")
    letters = re.sub(r"[\W\d_]", "", plain)
    if letters in _OURS:
        raise Refused("This password is a word of this site with signs around it. Choose another, such as four words.")
    words = {word.lower() for each in own for word in (each, each.partition("@")[0])}
    if plain in words or (letters and letters in {re.sub(r"[\W\d_]", "", word) for word in words}):
        raise Refused("A password must not be your own name or e-mail address. Choose another.")


def hashed(password: str) -> str:
    """Return the hash of a password; raise Wait if too many are being hashed."""
    with _turn():
        return _ARGON.hash(password[:MOST])


def fits(stored: str, password: str) -> bool:
    """Return whether `password` is the one whose hash is `stored`; raise Wait if too many are being hashed.

    Where `stored` is empty, as for an account that does not exist, it takes as long and the answer is no.
    """
    decoy = _decoy()
    with _turn():
        if stored and not stored.startswith("$argon2"):
            return _fits_older(stored, password[:MOST])
        try:
            return _ARGON.verify(stored or decoy, password[:MOST]) and bool(stored)
        except (VerificationError, InvalidHashError):
            return False


def is_outdated(stored: str) -> bool:
    """Return whether a password should be hashed anew at the next sign-in."""
    return not stored.startswith("$argon2") or _ARGON.check_needs_rehash(stored)


@functools.cache
def _decoy() -> str:
    return _ARGON.hash(os.urandom(16).hex())


def _fits_older(stored: str, password: str) -> bool:
    """Check a hash as Werkzeug writes it: `scrypt:n:r:p$salt$hex` or `pbkdf2:digest:rounds$salt$hex`."""
    method, _, rest = stored.partition("$")
    salt, _, wanted = rest.partition("$")
    name, *numbers = method.split(":")
    try:
        if name == "scrypt":
            n, r, p = map(int, numbers)
            found = hashlib.scrypt(password.encode(), salt=salt.encode(), n=n, r=r, p=p, maxmem=132 * n * r * p)
        elif name == "pbkdf2":
            found = hashlib.pbkdf2_hmac(numbers[0], password.encode(), salt.encode(), int(numbers[1]))
        else:
            return False
    except (ValueError, IndexError):
        return False
    return hmac.compare_digest(found.hex(), wanted)


@contextmanager
def _turn() -> Iterator[None]:
    """Wait for a turn: a hash takes memory and a core, and a flood of them must not take the whole machine."""
    if not _places.acquire(blocking=False):
        raise Wait("Too many people are signing in at this moment. Try again in a few seconds.", 5, 503)
    try:
        if not _turns.acquire(timeout=PATIENCE):
            raise Wait("Too many people are signing in at this moment. Try again in a few seconds.", 5, 503)
        try:
            yield
        finally:
            _turns.release()
    finally:
        _places.release()
