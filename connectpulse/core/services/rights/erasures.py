"""The erasure ledger: one object per erasure, outside the database and its backups, with hashes and nothing else.

Each is signed by the site and encrypted under the key of trust (AES-256-GCM, the name as additional data), so
that it can neither be read nor moved to another name nor made up. A restored backup is cleaned by them.
"""

import json
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ...errors import Refused
from ...storage.stores import Store, places
from ...storage.trust import canonical, sealed, trust, unsealed
from ..erased import Address, hashed

FOLDER = "erasures"
_NONCE = 12


@dataclass(frozen=True, slots=True)
class Erasure:
    """One erasure: its id, when it was, and the hashes of the addresses by organisation (0: the platform)."""

    id: str
    at: str
    hashes: tuple[tuple[int, bytes], ...]


def fresh_id(now: datetime) -> str:
    """Return an id for a new erasure."""
    return f"{now:%Y%m%d}-{secrets.token_hex(8)}"


def make(erasure: str, now: datetime, homes: Iterable[int], addresses: Iterable[Address]) -> Erasure:
    """Return the entry for a person's addresses in these organisations."""
    known = sorted({(home, hashed(home, *each)) for home in homes for each in set(addresses)})
    return Erasure(erasure, now.isoformat(timespec="seconds"), tuple(known))


def keep(entry: Erasure, store: Store | None = None) -> str:
    """Write an entry into the ledger, in place of the same one written before; return its name."""
    name = f"{FOLDER}/{entry.id}.bin"
    payload = {"id": entry.id, "at": entry.at, "hashes": [[home, each.hex()] for home, each in entry.hashes]}
    nonce = secrets.token_bytes(_NONCE)
    shut = AESGCM(trust.key("erasure ledger")).encrypt(nonce, canonical(sealed(payload)), name.encode())
    (store or places.ledger).put(name, nonce + shut)
    return name


def read(store: Store, name: str) -> Erasure:
    """Return one entry; raise Refused for one that was changed, or is not this site's."""
    content = store.get(name)
    try:
        opened = AESGCM(trust.key("erasure ledger")).decrypt(content[:_NONCE], content[_NONCE:], name.encode())
    except (InvalidTag, ValueError):
        raise Refused(f"{name}: this entry was changed, or TRUST_KEY is not the one it was written with.") from None
    payload = unsealed(json.loads(opened), trust.public_key)
    return Erasure(payload["id"], payload["at"], tuple((home, bytes.fromhex(each)) for home, each in payload["hashes"]))


def all_of(store: Store | None = None) -> Iterator[Erasure | Refused]:
    """Yield every entry of the ledger; one that cannot be trusted comes as the refusal to say so."""
    kept = store or places.ledger
    for each in kept.entries(FOLDER):
        try:
            yield read(kept, each.name)
        except Refused as refusal:
            yield refusal
