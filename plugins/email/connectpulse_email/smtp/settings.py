"""What a connection to a mail server asks an administrator, and the same as typed values."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from ipaddress import ip_address
from typing import Any, Final, Self

from connectpulse.core.api import Field, Form, Kind

_LOGIN, _LINE, _BOUNCES, _RECEIVE, _MAILBOX = (
    "Login", "Line", "Bounces", "Receiving mail ourselves…", "Reading a mailbox…",
)  # fmt: skip
_COUNTRIES: Final = re.compile(r"[A-Z]{2}")

FORM: Final[Form] = (
    Field("host", "Host", Kind.HOST, "Name of the mail server that takes our letters.", is_required=True),
    Field("port", "Port", Kind.NUMBER, default=587, low=1, high=65535),
    Field(
        "security",
        "Encryption",
        Kind.CHOICE,
        "Without it anybody on the way reads letters and password: only for a server on this machine.",
        default="starttls",
        choices=(("starttls", "STARTTLS"), ("tls", "TLS from the beginning"), ("none", "None")),
    ),
    Field(
        "authorities",
        "Certificates to trust",
        Kind.LONG_TEXT,
        "In PEM form, for a server whose certificate no public authority has signed.",
        default="",
        high=50_000,
    ),
    Field("username", "User name", default="", high=200, group=_LOGIN),
    Field("password", "Password", Kind.SECRET, default="", high=1000, group=_LOGIN),
    Field(
        "countries",
        "Countries the server stands in",
        help="ISO codes, like DE, IE. People are told where their data goes.",
        is_required=True,
        high=60,
    ),
    Field("hello", "Introduce ourselves as", help="Left empty: our address.", default="", high=253, group=_LINE),
    Field("sessions", "Sessions at most", Kind.NUMBER, default=10, low=1, high=200, group=_LINE),
    Field("letters", "Letters in a session at most", Kind.NUMBER, default=100, low=1, high=10_000, group=_LINE),
    Field(
        "patience",
        "Wait for an answer (seconds)",
        Kind.NUMBER,
        "To a whole letter four times as long; if none comes, the letter is unknown and not sent again.",
        default=30,
        low=1,
        high=300,
        group=_LINE,
    ),
    Field(
        "signs",
        "Sign letters (DKIM)",
        Kind.SWITCH,
        "With the key of the sender's domain. Switch it off where the server signs by itself.",
        default=True,
        group=_LINE,
    ),
    Field(
        "return_domain",
        "Bounces go to",
        help="A domain whose mail reaches us, like bounce.acme.example: each letter then gets a return address of its "
        "own there. Left empty, bounces go to the sender's address.",
        default="",
        high=253,
        group=_BOUNCES,
    ),
    Field(
        "return_key",
        "Key of return addresses",
        Kind.SECRET,
        "By it our own return addresses are known. Left empty, one is made.",
        default="",
        low=16,
        high=200,
        group=_BOUNCES,
        is_made=True,
    ),
    Field(
        "listen_host",
        "Listen at",
        Kind.HOST,
        "An address of this machine, like 127.0.0.1 behind a mail server that hands bounces on, or 0.0.0.0.",
        default="",
        group=_RECEIVE,
    ),
    Field("listen_port", "Listen at port", Kind.NUMBER, default=2525, low=1, high=65535, group=_RECEIVE),
    Field("imap_host", "IMAP host", Kind.HOST, default="", group=_MAILBOX),
    Field("imap_port", "IMAP port", Kind.NUMBER, default=993, low=1, high=65535, group=_MAILBOX),
    Field(
        "imap_security",
        "Encryption of IMAP",
        Kind.CHOICE,
        default="tls",
        choices=(("tls", "TLS from the beginning"), ("starttls", "STARTTLS"), ("none", "None")),
        group=_MAILBOX,
    ),
    Field("imap_username", "User name of the mailbox", default="", high=200, group=_MAILBOX),
    Field("imap_password", "Password of the mailbox", Kind.SECRET, default="", high=1000, group=_MAILBOX),
    Field("imap_folder", "Folder", default="INBOX", high=200, group=_MAILBOX),
    Field("imap_every", "Look every (seconds)", Kind.NUMBER, default=60, low=5, high=3600, group=_MAILBOX),
)


@dataclass(frozen=True, slots=True)
class Settings:
    """The typed values of `FORM`, by the same names; secrets are not shown in its repr."""

    host: str
    port: int
    security: str
    authorities: str
    username: str
    password: str
    countries: str
    hello: str
    sessions: int
    letters: int
    patience: int
    signs: bool
    return_domain: str
    return_key: str
    listen_host: str
    listen_port: int
    imap_host: str
    imap_port: int
    imap_security: str
    imap_username: str
    imap_password: str
    imap_folder: str
    imap_every: int

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Self:
        """Return the settings of a connection, with defaults for what was left empty."""
        known = {field.name: field.default for field in FORM} | dict(settings)
        return cls(**{each.name: known[each.name] for each in fields(cls)})

    def __repr__(self) -> str:
        return f"Settings({self.host}:{self.port})"

    @property
    def places(self) -> tuple[str, ...]:
        """The codes of the countries."""
        return tuple(self.countries.upper().replace(",", " ").split())


def is_here(host: str) -> bool:
    """Return whether a host is this machine."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def faults(settings: Settings) -> list[str]:
    """Return one sentence per fault that single fields cannot show."""
    found = []
    if not settings.places or not all(_COUNTRIES.fullmatch(each) for each in settings.places):
        found.append("Countries: write ISO codes of two letters, like DE, IE.")
    if settings.username and settings.security == "none" and not is_here(settings.host):
        found.append("Encryption: a password may not cross the network readable. Choose STARTTLS or TLS.")
    if bool(settings.username) != bool(settings.password):
        found.append("Login: a user name needs a password, and a password a user name.")
    if re.search(r"[^\x21-\x7e]", settings.hello):
        found.append("Introduce ourselves as: write a host name in ASCII.")
    if settings.return_domain and not re.fullmatch(r"[a-zA-Z0-9.-]+\.[a-zA-Z0-9-]+", settings.return_domain):
        found.append("Bounces go to: write a domain, like bounce.acme.example.")
    return found + _mailbox_faults(settings)


def _mailbox_faults(settings: Settings) -> list[str]:
    found = []
    if settings.imap_host and not (settings.imap_username and settings.imap_password):
        found.append("Reading a mailbox: it needs a user name and a password.")
    if settings.imap_host and settings.imap_security == "none" and not is_here(settings.imap_host):
        found.append("Encryption of IMAP: a password may not cross the network readable. Choose TLS or STARTTLS.")
    if (settings.listen_host or settings.imap_host) and not settings.return_domain:
        found.append("Bounces go to: name the domain, or bounces that are read could not be told from other mail.")
    return found
