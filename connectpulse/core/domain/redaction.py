"""What must not be read in logs and error texts: secrets, addresses, card numbers, and the words of messages.

Texts of exceptions come from everywhere: a library may quote a URL with its password, PostgreSQL quotes the
row it refused. `scrub` takes out what it can recognise; what a value's name gives away is the caller's part.
"""

import re
from typing import Final

from .card_numbers import HIDDEN as HIDDEN
from .card_numbers import hide

SECRET_NAMES: Final = (
    "password", "passwd", "pass", "pwd", "secret", "token", "authorization", "cookie", "apikey", "api_key", "api-key",
    "key", "hash", "signature", "credential", "private", "user", "username", "login", "loginid", "loginpassword",
    "u", "h",
)  # fmt: skip
CONTENT_NAMES: Final = (
    "body", "text", "content", "message_text", "message", "msg", "msg-data", "extra", "address", "to", "recipient",
    "receiver", "reciever", "destination", "mobile", "mobilenum", "mobilenumber", "msisdn", "phone", "number", "email",
)  # fmt: skip

_NAMES = "|".join(sorted({re.escape(name) for name in (*SECRET_NAMES, *CONTENT_NAMES)}, key=len, reverse=True))
_RULES: Final = tuple(
    (re.compile(pattern, re.IGNORECASE | re.MULTILINE), put)
    for pattern, put in (
        # user:password@ in an address, every value of a query string, the token in a webhook's path
        (r"(//)[^/@\s]+(?=@)", rf"\1{HIDDEN}"),
        (r"([?&][\w.\-]+=)[^&\s\"'<>)\]]+", rf"\1{HIDDEN}"),
        (r"(/callbacks/\d+/)[\w\-]+", rf"\1{HIDDEN}"),
        # name=value and "name": "value"
        (rf"(?<![\w.\-])((?:{_NAMES})=)[^&\s,;)\]]+", rf"\1{HIDDEN}"),
        (rf"""(["'](?:{_NAMES})["']\s*:\s*)(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[\w.+\-]+)""", rf"\1{HIDDEN}"),
        (r"\b((?:basic|bearer)\s+)[\w.~+/=\-]{6,}", rf"\1{HIDDEN}"),
        # PostgreSQL quotes rows and values
        (r"^(\s*(?:DETAIL|CONTEXT):).*$", rf"\1 {HIDDEN}"),
        (r"(invalid input [^:\n]*:)[^\n]*", rf"\1 {HIDDEN}"),
        (r"^(\[parameters:).*$", rf"\1 {HIDDEN}"),
        # people
        (r"\+\d{7,15}\b", HIDDEN),
        (r"(?<![\w.+\-])[\w.+\-]{1,64}@[\w\-]{1,63}(?:\.[\w\-]{1,63})+", HIDDEN),
    )
)


def scrub(said: str) -> str:
    """Return `said` without the secrets, addresses and message texts that can be recognised in it."""
    for rule, put in _RULES:
        said = rule.sub(put, said)
    return hide(said)


def told(error: BaseException, most: int = 300) -> str:
    """Return an exception as it may be stored and shown: its kind and its scrubbed first words."""
    return scrub(f"{type(error).__name__}: {error}")[:most]
