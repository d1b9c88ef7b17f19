"""Backups as the store has them: an encrypted file, and beside it a signed manifest, written last.

A backup exists when its manifest does. The manifest's bytes are the one canonical form of what it says, so that no
bit of it can change unseen.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from ...errors import NotFound, Refused
from ...storage.stores import Store
from ...storage.trust import canonical, sealed, trust, unsealed

FORMAT = 1
FILE, MANIFEST = ".dump.zst.age", ".json"
PREFIX = "pulse-"
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Manifest:
    """What is known of a backup: its file and the dump in it (bytes, SHA-256), its moment, its server, its rows.

    `counts` are the rows of each table in the very state that was dumped; `left_out` the tables without rows.
    """

    name: str
    taken_at: str
    made_at: str
    recipient: str
    size: int
    digest: str
    dump_size: int
    dump_digest: str
    server: int
    left_out: tuple[str, ...]
    counts: Mapping[str, int]
    product: str
    format: int = FORMAT

    @property
    def file(self) -> str:
        return self.name + FILE

    @property
    def moment(self) -> datetime:
        return datetime.fromisoformat(self.taken_at)


def name_for(moment: datetime, number: int) -> str:
    """Return the name of a backup that was asked for at `moment` (UTC)."""
    return f"{PREFIX}{moment:%Y%m%dT%H%M%SZ}-{number}"


def write(store: Store, manifest: Manifest) -> None:
    """Put a manifest beside its file: from now on the backup exists."""
    store.put(manifest.name + MANIFEST, canonical(sealed(asdict(manifest))))


def read(store: Store, name: str) -> Manifest:
    """Return a backup's manifest; raise NotFound if there is none, Refused with the file's name if it is not ours."""
    if not name.startswith(PREFIX) or "/" in name:
        raise NotFound(f"There is no backup {name}.")
    try:
        content = store.get(name + MANIFEST)
    except NotFound:
        raise NotFound(f"There is no backup {name}.") from None
    payload = opened(content, name + MANIFEST)
    try:
        found = Manifest(**payload | {"left_out": tuple(payload["left_out"])})
        found.moment  # noqa: B018 - raises where it is none
    except (KeyError, TypeError, ValueError):
        raise Refused(f"{name}{MANIFEST} is of another kind; was it made by a newer version?") from None
    if found.name != name or found.format != FORMAT:
        raise Refused(f"{name}{MANIFEST} speaks of another backup, or of another format.")
    return found


def opened(content: bytes, file: str) -> dict[str, Any]:
    """Return what a signed file says; raise Refused with its name unless it is exactly as this site wrote it."""
    try:
        envelope = json.loads(content)
        payload = unsealed(envelope, trust.public_key)
    except (ValueError, AttributeError, Refused):
        payload = None
    if payload is None or canonical(sealed(payload)) != content:
        raise Refused(
            f"{file} was changed, or was signed by another site. A site is known by its TRUST_KEY: is it the one "
            "the backup was made with?"
        )
    return payload


def names(store: Store) -> list[str]:
    """Return the names of the backups in the store, the oldest first."""
    listed = [entry.name for entry in store.entries() if "/" not in entry.name]
    there = {name.removesuffix(FILE) for name in listed if name.endswith(FILE)}
    told = [name.removesuffix(MANIFEST) for name in listed if name.startswith(PREFIX) and name.endswith(MANIFEST)]
    return [name for name in told if name in there]


def newest(store: Store) -> str:
    """Return the name of the newest backup; raise NotFound if there is none."""
    found = names(store)
    if not found:
        raise NotFound(f"There is no backup in {store.url}.")
    return found[-1]


def blocks(store: Store, name: str) -> Iterator[bytes]:
    """Yield the blocks of an object."""
    with store.reading(name) as file:
        while block := file.read(_BLOCK):
            yield block


def verify(store: Store, name: str) -> Manifest:
    """Return the manifest of a backup whose file is exactly what it says; raise Refused with the file's name else."""
    manifest = read(store, name)
    digest, size = hashlib.sha256(), 0
    try:
        for block in blocks(store, manifest.file):
            digest.update(block)
            size += len(block)
    except NotFound:
        raise Refused(f"{manifest.file} is not in the store.") from None
    if size != manifest.size:
        raise Refused(
            f"{manifest.file} has {size:,} bytes and should have {manifest.size:,}: it is cut short, or longer."
        )
    if digest.hexdigest() != manifest.digest:
        raise Refused(f"{manifest.file} was changed: it is not what was backed up.")
    return manifest
