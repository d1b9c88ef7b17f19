"""What people sign in from: their network address, and their browser as far as it says what it is."""

from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_address, ip_network

import ua_parser
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from ...storage.models import KnownDevice, SignIn
from ..work import Work
from . import tokens

KNOWN_FOR = timedelta(days=180)
LATELY = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Visit:
    """Where an attempt comes from. `token` is what the browser's device cookie holds, empty for a new one."""

    address: str
    agent: str = ""
    token: str = ""

    @property
    def device(self) -> str:
        return described(self.agent)

    @property
    def network(self) -> str:
        return network_of(self.address)


def network_of(address: str) -> str:
    """Return what attempts from an address are counted by: itself, or its /64 for IPv6, which one customer gets."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return "unknown"
    mapped = getattr(parsed, "ipv4_mapped", None) or parsed
    return str(ip_network((mapped, 64), strict=False) if mapped.version == 6 else mapped)


def described(agent: str) -> str:
    """Return a browser's own word in short, like `Firefox 140 on Windows`."""
    found = ua_parser.parse(agent[:500])
    browser = found.user_agent
    name = " ".join(each for each in (browser.family, browser.major) if each) if browser else "Unknown browser"
    system = found.os.family if found.os else ""
    device = found.device.family if found.device and found.device.family not in ("Other", "Generic Smartphone") else ""
    where = " ".join(dict.fromkeys(each for each in (device, system) if each))
    return (f"{name} on {where}" if where else name)[:120]


def is_known(work: Work, user_id: int, visit: Visit) -> bool:
    """Return whether this browser signed in to this account before."""
    wanted = select(KnownDevice.id).where(
        KnownDevice.user_id == user_id,
        KnownDevice.token_hash == tokens.digest(visit.token),
        KnownDevice.seen_at > work.clock() - KNOWN_FOR,
    )
    return work.session.scalar(wanted) is not None and bool(visit.token)


def is_known_network(work: Work, user_id: int, visit: Visit) -> bool:
    """Return whether this account was signed in to from this network lately."""
    wanted = select(SignIn.id).where(
        SignIn.user_id == user_id, SignIn.network == visit.network, SignIn.is_good,
        SignIn.at > work.clock() - LATELY,
    )  # fmt: skip
    return work.session.scalar(wanted.limit(1)) is not None


def remember(work: Work, user_id: int, visit: Visit, token: str) -> None:
    """Know this browser from now on by `token`."""
    known, now = KnownDevice.__table__, work.clock()
    seen = insert(known).values(user_id=user_id, token_hash=tokens.digest(token), device=visit.device, seen_at=now)
    work.session.execute(
        seen.on_conflict_do_update(
            index_elements=["user_id", "token_hash"], set_={"seen_at": now, "device": visit.device}
        )
    )
