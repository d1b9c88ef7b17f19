"""Folders for what leaves the database: archives, backups, ledgers; on this machine or in an S3-compatible store.

A store is named by an address: a path, `file:///path`, or `s3://bucket/prefix?endpoint_url=https://host`.
Credentials for S3 are found as Amazon's libraries find them (AWS_ACCESS_KEY_ID and so on).
"""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import IO, Any
from urllib.parse import parse_qsl

import fsspec

from ..errors import Misconfigured, NotFound, Refused

_PRIVATE = 0o600


@dataclass(frozen=True, slots=True)
class Entry:
    """One object of a store: its name below the store's folder, its bytes, when it was written."""

    name: str
    size: int
    modified_at: datetime


class Store:
    """One folder of objects. Names are relative, with `/` between parts. An object is whole or absent."""

    def __init__(self, url: str) -> None:
        address, _, query = url.partition("?")
        options: dict[str, Any] = {}
        if address.startswith("s3://"):
            options = {
                "client_kwargs": dict(parse_qsl(query)),
                "skip_instance_cache": True,
                "use_listings_cache": False,
            }
        try:
            self._fs, self._root = fsspec.url_to_fs(address, **options)
        except (ImportError, ValueError) as error:
            raise Misconfigured(f"{address.partition(':')[0]}: this store cannot be opened: {error}") from None
        self._is_local = "file" in self._protocols()
        self.url = address

    def _protocols(self) -> tuple[str, ...]:
        named = self._fs.protocol
        return (named,) if isinstance(named, str) else tuple(named)

    def put(self, name: str, content: bytes) -> None:
        """Write an object whole, in place of any other of this name."""
        with self.writing(name) as file:
            file.write(content)

    @contextmanager
    def writing(self, name: str) -> Iterator[IO[bytes]]:
        """Open an object for writing; it appears when the block ends well, and not at all when it raises."""
        path = self._path(name)
        if not self._is_local:
            with self._fs.transaction, self._fs.open(path, "wb") as file:
                yield file
            return
        parent = os.path.dirname(path)
        os.makedirs(parent, mode=0o700, exist_ok=True)
        draft = f"{path}.{secrets.token_hex(4)}.draft"
        try:
            with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE), "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.replace(draft, path)
        except BaseException:
            if os.path.exists(draft):
                os.unlink(draft)
            raise
        _settle(parent)

    def get(self, name: str) -> bytes:
        """Return an object's bytes; raise NotFound if there is none."""
        with self.reading(name) as file:
            content: bytes = file.read()
        return content

    @contextmanager
    def reading(self, name: str) -> Iterator[IO[bytes]]:
        """Open an object for reading; raise NotFound if there is none."""
        try:
            opened = self._fs.open(self._path(name), "rb")
        except FileNotFoundError:
            raise NotFound(f"{name} is not in {self.url}.") from None
        with opened as file:
            yield file

    def has(self, name: str) -> bool:
        return bool(self._fs.exists(self._path(name)))

    def delete(self, name: str) -> None:
        """Delete an object; nothing happens if there is none."""
        if self.has(name):
            self._fs.rm_file(self._path(name))

    def entries(self, prefix: str = "") -> list[Entry]:
        """Return the objects whose names begin with the folder `prefix`, by name; drafts are not among them."""
        start = self._path(prefix) if prefix else self._root
        try:
            found = self._fs.find(start, detail=True)
        except FileNotFoundError:
            return []
        listed = [
            Entry(path[len(self._root) :].lstrip("/"), int(facts["size"]), _moment(facts))
            for path, facts in found.items()
            if not path.endswith(".draft")
        ]
        return sorted(listed, key=lambda each: each.name)

    def clear_drafts(self, before: datetime) -> None:
        """Delete what processes that were killed left half written and nobody has touched since `before`."""
        if not self._is_local:
            return  # an unfinished upload is no object, and the store's own rules end it
        for draft in Path(self._root).rglob("*.draft"):
            with suppress(FileNotFoundError):
                if draft.stat().st_mtime < before.timestamp():
                    draft.unlink()

    def _path(self, name: str) -> str:
        parts = PurePosixPath(name).parts
        if not parts or name.startswith("/") or ".." in parts:
            raise Refused(f"{name!r} is no name of an object.")
        return f"{self._root.rstrip('/')}/{'/'.join(parts)}"


class Places:
    """The stores of this site by what is kept in them, set once at start."""

    def __init__(self) -> None:
        self._urls: dict[str, str] = {}

    def set(self, *, archive: str, backup: str, ledger: str) -> None:
        self._urls = {"archive": archive, "backup": backup, "ledger": ledger}

    @property
    def archive(self) -> Store:
        """Where rows go whose time in the database is over."""
        return Store(self._urls["archive"])

    @property
    def backup(self) -> Store:
        """Where backups lie."""
        return Store(self._urls["backup"])

    @property
    def ledger(self) -> Store:
        """Where erasures and checkpoints are kept, apart from the backups."""
        return Store(self._urls["ledger"])


places = Places()


def _settle(folder: str) -> None:
    """Make sure that a rename in `folder` outlasts a power cut, where folders can be synchronised."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _moment(facts: dict[str, Any]) -> datetime:
    at = facts.get("mtime") or facts.get("LastModified")
    if isinstance(at, datetime):
        return at if at.tzinfo else at.replace(tzinfo=UTC)
    return datetime.fromtimestamp(float(at or 0), UTC)
