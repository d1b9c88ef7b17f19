"""Asking the domain name system: at the servers this machine asks, or at those an administrator names.

The house hands the entries of the setting DNS_SERVERS to `ask_at` once at start.
"""

from collections.abc import Sequence
from ipaddress import ip_address
from typing import Final, NamedTuple
from urllib.parse import urlsplit

import dns.asyncresolver
import dns.exception
import dns.name
import dns.nameserver
import dns.resolver

from ..errors import Misconfigured

PATIENCE: Final = 4.0
"""Seconds until a question is given up."""


class NoAnswer(OSError):
    """The servers did not say whether there is such a record: nothing follows from it."""


class Server(NamedTuple):
    """Where a name server listens."""

    address: str
    port: int


class _Site:
    servers: tuple[Server, ...] = ()


def ask_at(*entries: str) -> None:
    """Set whom to ask, as addresses with or without a port; none: whom this machine asks. Raises Misconfigured."""
    _Site.servers = tuple(_server(entry) for entry in entries)


def _server(entry: str) -> Server:
    try:
        parts = urlsplit(f"//{f'[{entry}]' if entry.count(':') > 1 and '[' not in entry else entry}")
        return Server(str(ip_address(parts.hostname or "")), parts.port or 53)
    except ValueError:
        raise Misconfigured(
            f"DNS_SERVERS: {entry!r} is not an address. Write it like 192.0.2.53, 127.0.0.1:5353 or [2001:db8::1]:53."
        ) from None


async def ask(name: str, kind: str) -> Sequence[str]:
    """Return the records of a kind (`TXT`, `MX`, `A`) at a name as texts, none where there are none.

    The pieces of a TXT record are joined; an MX record is its preference and its host. Raises NoAnswer.
    """
    try:
        asked = dns.name.from_text(name)
    except (dns.exception.DNSException, UnicodeError):
        return ()
    try:
        found = await _resolver().resolve(asked, kind, lifetime=PATIENCE, search=False)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return ()
    except (dns.exception.DNSException, OSError) as fault:
        raise NoAnswer(f"DNS gave no answer about {name} ({type(fault).__name__}).") from None
    return [_text(record) for record in found]


def _resolver() -> dns.asyncresolver.Resolver:
    if not _Site.servers:
        return dns.asyncresolver.Resolver()
    made = dns.asyncresolver.Resolver(configure=False)
    made.nameservers = [dns.nameserver.Do53Nameserver(each.address, each.port) for each in _Site.servers]
    return made


def _text(record: object) -> str:
    pieces = getattr(record, "strings", None)
    return b"".join(pieces).decode("utf-8", "replace") if pieces else str(record).rstrip(".")
