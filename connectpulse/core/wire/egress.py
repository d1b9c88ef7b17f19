"""Where requests may go that leave the house: to public addresses, and to those an administrator permits.

People type in where a gateway or a webhook lives, so every such address is somebody else's input. A name is
looked up once, its addresses are checked, and exactly those are connected to; whatever is not public is
refused, however it was spelled and whatever the name answered a moment ago. `http` is the door itself.

An administrator permits private gateways with the setting EGRESS_ALLOW; the house hands its entries to
`allow` once at start, and every session made afterwards obeys them.
"""

import asyncio
import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, Self

from ..errors import Misconfigured, Refused

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_SPECIAL: Final[tuple[tuple[Network, str], ...]] = tuple(
    (ip_network(block), kind)
    for kind, blocks in {
        "an unspecified": "0.0.0.0/8 ::/128",
        "a private": "10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 fc00::/7",
        "a shared (carrier-grade NAT)": "100.64.0.0/10",
        "a loopback": "127.0.0.0/8 ::1/128",
        "a link-local": "169.254.0.0/16 fe80::/10",
        "a multicast": "224.0.0.0/4 ff00::/8",
        "a reserved": "192.0.0.0/24 192.0.2.0/24 192.88.99.0/24 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 "
        "240.0.0.0/4 2001::/23 2001:db8::/32 3fff::/20",
    }.items()
    for block in blocks.split()
)
"""The special-purpose registries of IANA; 2001::/23 includes Teredo, whose addresses hide another."""

_GLOBAL_UNICAST: Final = IPv6Network("2000::/3")
_NAT64: Final = IPv6Network("64:ff9b::/96")


def special_kind(address: Address) -> str:
    """Return what sets `address` apart from a public one, like "a private", or "" if nothing does."""
    address = _meant(address)
    for network, kind in _SPECIAL:
        if address in network:
            return kind
    is_public = isinstance(address, IPv4Address) or address in _GLOBAL_UNICAST
    return "" if is_public else "a reserved"


def _meant(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 one stands for (mapped, 6to4, NAT64), else the address."""
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


@dataclass(frozen=True, slots=True)
class Policy:
    """Who may be reached besides public addresses: hosts by name, and networks."""

    names: frozenset[str] = frozenset()
    networks: tuple[Network, ...] = ()

    @classmethod
    def of(cls, entries: Iterable[str]) -> Self:
        """Return the policy of host names, addresses and CIDR blocks; raise Misconfigured on another."""
        names: set[str] = set()
        networks: list[Network] = []
        for entry in entries:
            try:
                networks.append(ip_network(entry, strict=False))
            except ValueError:
                if not entry.replace("-", "").replace(".", "").isalnum():
                    raise Misconfigured(
                        f"EGRESS_ALLOW: {entry!r} is neither a host name, an address nor a CIDR block. "
                        "Write them like sms.example.lan, 192.168.1.5 or 192.168.1.0/24."
                    ) from None
                names.add(_plain(entry))
        return cls(frozenset(names), tuple(networks))

    def names_host(self, host: str) -> bool:
        """Return whether `host` is allowed by name, whatever it resolves to."""
        return _plain(host) in self.names

    def check(self, address: str) -> None:
        """Raise Refused if `address` is special and not in an allowed network."""
        try:
            parsed = ip_address(address)
        except ValueError:  # 2130706433, 0x7f.1: what a socket may still understand, nobody means well
            raise Refused(f"{address[:80]!r} is not an address in its usual spelling.") from None
        kind = special_kind(parsed)
        if kind and not any(_meant(parsed) in network for network in self.networks):
            raise Refused(f"{address} is {kind} address; an administrator may allow it with the setting EGRESS_ALLOW.")


_site = Policy()


def allow(*entries: str) -> None:
    """Set, once at start, the hosts, addresses and CIDR blocks sessions may reach besides public ones.

    Replaces what was set before. Raises Misconfigured for an entry that is none of these.
    """
    global _site
    _site = Policy.of(entries)


def site_policy() -> Policy:
    """Return what `allow` set last."""
    return _site


async def resolve(host: str, port: int, policy: Policy | None = None) -> Sequence[tuple[socket.AddressFamily, str]]:
    """Return the addresses of `host` that may be connected to, with their families.

    Raises Refused if it has none that may, and OSError if it has none at all. Connect to what this
    returned: asking again may give another answer.
    """
    policy = policy or _site
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = [(family, str(place[0])) for family, _, _, _, place in found]
    if policy.names_host(host):
        return addresses
    permitted, refusal = [], None
    for family, address in addresses:
        try:
            policy.check(address)
        except Refused as refused:
            refusal = refused
        else:
            permitted.append((family, address))
    if refusal is not None and not permitted:
        raise Refused(str(refusal) if host in str(refusal) else f"{host} is no public host: {refusal}")
    return permitted


def _plain(host: str) -> str:
    return host.rstrip(".").lower()
