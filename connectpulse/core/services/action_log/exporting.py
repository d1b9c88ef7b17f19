"""Exporting the action log to a folder that can be verified without the database.

A folder holds one file for each chain, its entries as COPY writes them; the checkpoints, one a line; and a
manifest, signed by the site (ed25519), with the digest of every file and the ends of the chains.
"""

import json
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC
from functools import reduce
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from ...domain import chain
from ...domain.chain import ORIGIN, Broken, Head, Walk
from ...errors import Refused
from ...storage import guard
from ...storage.stores import places
from ...storage.trust import sealed, trust, unsealed
from ..work import SYSTEM, Opener, Work
from . import checkpoints, verifying
from .verifying import Report

MANIFEST, CHECKPOINTS = "manifest.json", "checkpoints.jsonl"
BLOCK = 8 << 20
"""Bytes of a chain's file that are verified at a time, by one process."""


def export(open_work: Opener, folder: Path) -> int:
    """Write the whole log into a new folder; return how many entries. O(entries), in one snapshot.

    The ledger is read before a session is opened. Nothing is recorded: who asks for the export does that.
    """
    if folder.exists():
        raise Refused(f"{folder} is there already; name a folder that is not.")
    folder.mkdir(mode=0o700, parents=True)
    kept = checkpoints.every(places.ledger)
    with open_work(SYSTEM) as work:
        work.session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        return _export(work, folder, kept)


def _export(work: Work, folder: Path, kept: Sequence[bytes]) -> int:
    with guard.platform_scope(work.session, "export the action log"):
        told = checkpoints.last_told(work)
    chains: dict[str, Any] = {}
    for number, head in sorted(verifying.heads(work).items()):
        name = f"chain-{number}.copy"
        chains[str(number)] = _plain(head) | {"file": name, "sha256": _write(work, number, folder / name)}
    content = b"".join(each + b"\n" for each in kept)
    _private(folder / CHECKPOINTS, content)
    entries: int = sum(each["entries"] - each["start_entries"] for each in chains.values())
    manifest = {
        "kind": "connectpulse audit export",
        "at": work.clock().astimezone(UTC).isoformat(),
        "columns": chain.COLUMNS,
        "chains": chains,
        "checkpoints": sha256(content).hexdigest(),
        "last_checkpoint": told,
        "entries": entries,
    }
    _private(folder / MANIFEST, json.dumps(sealed(json.loads(json.dumps(manifest))), indent=1).encode())
    return entries


def verify(folder: Path, processes: int = 0) -> Report:
    """Verify an export with the site's key of trust and without its database, on all processors.

    Raises Refused where there is no export, or its manifest is not this site's.
    """
    try:
        manifest = unsealed(json.loads((folder / MANIFEST).read_bytes()), trust.public_key)
        kept = (folder / CHECKPOINTS).read_bytes()
    except (OSError, ValueError):
        raise Refused(f"{folder} holds no export of the action log, or not all of it.") from None
    found, faults = checkpoints.read(kept.splitlines(), trust.public_key)
    faults += checkpoints.told_wrongly(found, int(manifest["last_checkpoint"]))
    if sha256(kept).hexdigest() != manifest["checkpoints"]:
        faults.append(f"{CHECKPOINTS} was changed after the export.")
    marks = checkpoints.by_chain(found)
    report = Report(faults=faults)
    chains = {int(number): said for number, said in manifest["chains"].items()}
    with _processes(processes or os.cpu_count() or 1) as pool:
        for number in sorted({*chains, *marks}):
            said = chains.get(number)
            file = _File(folder / str(said["file"]), pool) if said else None
            walker: verifying.Walker = file.walk if file else _nothing
            head = _head(number, said) if said else None
            report.findings.append(verifying.judge(number, head, marks.get(number, ()), walker))
            if file and said and file.digest != said["sha256"] and not report.findings[-1].fault:
                report.faults.append(f"{said['file']} was changed after the export.")
    return report


class _Block(NamedTuple):
    """A stretch of a file: where it begins, its bytes, and the seal before it as the file has it."""

    path: str
    start: int
    size: int
    before: bytes


class _File:
    """The file of one chain, walked in blocks by many processes. `digest` is known once it was walked."""

    def __init__(self, path: Path, pool: Executor | None) -> None:
        self._path = path
        self._pool = pool
        self.digest = ""

    def walk(self, number: int, head: Head, wanted: Sequence[bytes]) -> Walk:
        """Walk all blocks; raise Broken at the first entry that does not fit."""
        try:
            blocks = list(self._blocks(head.start_seal))
        except OSError:
            raise Broken(None, f"{self._path.name} is missing.") from None
        mapped = self._pool.map if self._pool and len(blocks) > 1 else map
        walks = mapped(_walk_block, blocks, [trust.key("audit chain")] * len(blocks), [list(wanted)] * len(blocks))
        return reduce(Walk.then, walks, Walk(last_seal=head.start_seal))

    def _blocks(self, before: bytes) -> Iterator[_Block]:
        """Yield the file's blocks, cut at ends of lines, and take its digest meanwhile."""
        hashed, start, rest = sha256(), 0, b""
        with self._path.open("rb") as file:
            while read := file.read(BLOCK):
                hashed.update(read)
                content = rest + read
                cut = content.rfind(b"\n") + 1
                if cut:
                    yield _Block(str(self._path), start, cut, before)
                    before = _last_seal(content[:cut])
                    start += cut
                rest = content[cut:]
        if rest:
            yield _Block(str(self._path), start, len(rest), before)
        self.digest = hashed.hexdigest()


def _walk_block(block: _Block, key: bytes, wanted: list[bytes]) -> Walk:
    with open(block.path, "rb") as file:
        file.seek(block.start)
        content = file.read(block.size)
    return chain.walk(chain.sealer(key), content.rstrip(b"\n").split(b"\n"), block.before, wanted)


def _last_seal(content: bytes) -> bytes:
    """Return the seal of the last line; ORIGIN, which fits nothing, where it cannot be read."""
    line = content[content.rfind(b"\n", 0, -1) + 1 :]
    try:
        return bytes.fromhex(line.partition(b"\t")[0][3:].decode())
    except ValueError:
        return ORIGIN


@contextmanager
def _processes(count: int) -> Iterator[Executor | None]:
    if count < 2:
        yield None
        return
    with ProcessPoolExecutor(count) as pool:
        yield pool


def _write(work: Work, number: int, path: Path) -> str:
    """Write a chain's entries; return the file's digest."""
    hashed = sha256()
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb", buffering=1 << 20) as file:
        for line in verifying.every_line(work, number):
            hashed.update(line + b"\n")
            file.write(line + b"\n")
    return hashed.hexdigest()


def _private(path: Path, content: bytes) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)


def _plain(head: Head) -> dict[str, Any]:
    return {name: value.hex() if isinstance(value, bytes) else value for name, value in asdict(head).items()}


def _head(number: int, said: dict[str, Any]) -> Head:
    return Head(
        number, int(said["start_id"]), int(said["start_entries"]), bytes.fromhex(said["start_seal"]),
        int(said["last_id"]), int(said["entries"]), bytes.fromhex(said["seal"]), bytes.fromhex(said["mac"]),
    )  # fmt: skip


def _nothing(number: int, head: Head, wanted: object) -> Walk:
    return Walk(last_seal=head.start_seal)
