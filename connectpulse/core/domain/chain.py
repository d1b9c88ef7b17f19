"""The chain of the action log: each entry is sealed together with the seal before it.

An entry is a line of bytes in PostgreSQL's COPY text format, so that what was sealed, what is stored and what
is verified are the same bytes. A line is the entry's seal, then `SEALED`, then `OPEN`. What may have to be
forgotten is not sealed itself but by a salted digest: when it is emptied together with its salt, the chain
still holds and the digest tells nothing. A seal is an HMAC-SHA256 (RFC 2104) over the seal before and the
sealed fields, under a key that is not in the database: who changes, removes, reorders or adds entries cannot
make the seals fit.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Final

SEALED: Final = (
    "id", "organisation_id", "verb", "actor_kind", "actor_id", "object_type", "object_id", "request_id",
    "actor_digest", "object_digest",
)  # fmt: skip
OPEN: Final = ("actor_salt", "actor_name", "actor_address", "object_salt", "object_name", "detail")
COLUMNS: Final = ("seal", *SEALED, *OPEN)
"""The columns of an entry's line, as COPY lists them."""

ORIGIN: Final = b"\0" * 32
"""The seal before the first entry."""

ABSENT: Final = b"\\N"
ERASED_VERB: Final = "audit.erased"
"""The verb of the entry that says how many entries were emptied; who empties one in secret is found by it."""

_HEX: Final = b"\\\\x"
_ERASED: Final = b"\t" + ERASED_VERB.encode() + b"\t"
_ESCAPES: Final = str.maketrans(
    {"\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v", "\0": "\ufffd"}
)

Seal = Callable[[bytes], bytes]
"""Makes the seal, 32 bytes, of what it is given."""


class Broken(Exception):
    """Something in a chain does not fit. `entry_id` is the first bad entry, None where no one entry is it."""

    def __init__(self, entry_id: int | None, what: str) -> None:
        super().__init__(what)
        self.entry_id = entry_id
        self.what = what

    def __str__(self) -> str:
        return f"Entry {self.entry_id}: {self.what}" if self.entry_id is not None else self.what

    def __reduce__(self) -> tuple[type["Broken"], tuple[int | None, str]]:
        return Broken, (self.entry_id, self.what)


@dataclass(frozen=True, slots=True)
class Head:
    """Where a chain begins and ends. `organisation` 0 is the platform.

    `start_*` is what was before the oldest entry that is still there: its id, how many there were, its seal.
    `mac` ties it all together under a key, so that nobody can turn a chain's end back.
    """

    organisation: int
    start_id: int = 0
    start_entries: int = 0
    start_seal: bytes = ORIGIN
    last_id: int = 0
    entries: int = 0
    seal: bytes = ORIGIN
    mac: bytes = b""

    def sealed(self, key: Seal) -> "Head":
        """Return the head with the mac that belongs to it."""
        return replace(self, mac=key(self._content()))

    def is_ours(self, key: Seal) -> bool:
        """Return whether this site wrote the head as it is."""
        return self.mac == key(self._content())

    def _content(self) -> bytes:
        parts = (
            self.organisation, self.start_id, self.start_entries, self.start_seal.hex(), self.last_id, self.entries,
            self.seal.hex(),
        )  # fmt: skip
        return "\t".join(map(str, parts)).encode()


@dataclass(slots=True)
class Walk:
    """A stretch of a chain that holds, added up line by line.

    `erased` counts what was emptied, `told` what entries say was emptied. `met` are the seals that were
    looked for, with how many entries there were up to each.
    """

    entries: int = 0
    erased: int = 0
    told: int = 0
    last_id: int = 0
    last_seal: bytes = ORIGIN
    met: dict[bytes, int] = field(default_factory=dict)

    def then(self, later: "Walk") -> "Walk":
        """Return this stretch and the one after it as one."""
        if not later.entries:
            return self
        met = self.met | {seal: self.entries + count for seal, count in later.met.items()}
        return Walk(
            self.entries + later.entries, self.erased + later.erased, self.told + later.told,
            later.last_id, later.last_seal, met,
        )  # fmt: skip


def sealer(key: bytes) -> Seal:
    """Return HMAC-SHA256 under `key` of 64 bytes at most, with the work that every call has in common done."""
    inner = sha256(bytes(each ^ 0x36 for each in key.ljust(64, b"\0")))
    outer = sha256(bytes(each ^ 0x5C for each in key.ljust(64, b"\0")))

    def seal(content: bytes) -> bytes:
        within, around = inner.copy(), outer.copy()
        within.update(content)
        around.update(within.digest())
        return around.digest()

    return seal


def written(value: str | int | None) -> bytes:
    """Return a value as COPY's text format writes it (PostgreSQL manual, COPY, "Text Format")."""
    if value is None:
        return ABSENT
    return str(value).translate(_ESCAPES).encode("utf-8", "replace")


def binary(value: bytes | None) -> bytes:
    """Return bytes as COPY's text format writes them."""
    return ABSENT if value is None else _HEX + value.hex().encode()


def digest(salt: bytes, *values: str) -> bytes:
    """Return what stands in the seal for `values`."""
    return sha256(b"\t".join((binary(salt), *map(written, values)))).digest()


def seal_after(seal: Seal, before: bytes, fields: bytes) -> bytes:
    """Return the seal of an entry whose `SEALED` fields, as a line has them, are `fields`, after `before`."""
    return seal(binary(before) + b"\t" + fields)


def walk(seal: Seal, lines: Iterable[bytes], before: bytes = ORIGIN, wanted: Collection[bytes] = ()) -> Walk:
    """Check lines in the order they were written, from the seal `before` on; raise Broken at the first misfit.

    `wanted` are seals to look out for. This is the loop that reads everything: 3 hashes and 2 splits a line.
    """
    found = Walk(last_seal=before)
    previous, looked_for = binary(before), {binary(each) for each in wanted}
    count = erased = 0
    fields: list[bytes] = []
    for line in lines:
        own, _, rest = line.partition(b"\t")
        fields = rest.rstrip(b"\n").rsplit(b"\t", 6)
        sealed = fields[0]
        if own != _HEX + seal(previous + b"\t" + sealed).hex().encode() or len(fields) != 7:
            raise Broken(_id(rest), "it, or what was before it, was changed, removed, added or moved")
        if (
            sealed[-64:] != sha256(b"\t".join(fields[4:])).hexdigest().encode()
            or sealed[-132:-68] != sha256(b"\t".join(fields[1:4])).hexdigest().encode()
        ):
            erased += _emptied(fields)
        count += 1
        previous = own
        if own in looked_for:
            found.met[_bytes(own)] = count
        if _ERASED in sealed:
            found.told += _told(fields[6])
    found.entries, found.erased = count, erased
    if count:
        found.last_id, found.last_seal = _id(fields[0]) or 0, _bytes(previous)
    return found


def check_end(head: Head, key: Seal, found: Walk) -> None:
    """Compare all of a chain with what its head says; raise Broken if they differ."""
    entries = head.start_entries + found.entries
    if not head.is_ours(key):
        raise Broken(None, "The chain's end was set by somebody else than this site.")
    if (entries, found.last_seal) != (head.entries, head.seal):
        last = found.last_id or head.start_id
        raise Broken(
            None,
            f"The chain ends after entry {last} with {entries} entries; it has had {head.entries}, "
            f"up to entry {head.last_id}.",
        )
    if found.erased > found.told or (head.start_entries == 0 and found.erased != found.told):
        raise Broken(None, f"{found.erased} entries were emptied; entries tell of {found.told}.")


def _emptied(fields: list[bytes]) -> int:
    """Return how many of an entry's two groups of open fields were emptied; raise Broken if one was changed."""
    sealed, actor_salt, actor_name, actor_address, object_salt, object_name, detail = fields
    erased = 0
    if sealed[-132:-68] != sha256(b"\t".join(fields[1:4])).hexdigest().encode():
        if actor_salt != ABSENT or actor_name or actor_address:
            raise Broken(_id(sealed), "who acted was changed")
        erased += 1
    if sealed[-64:] != sha256(b"\t".join(fields[4:])).hexdigest().encode():
        if object_salt != ABSENT or object_name or detail != b"{}":
            raise Broken(_id(sealed), "what was done was changed")
        erased += 1
    return erased


def _told(detail: bytes) -> int:
    """Return how many entries an entry says were emptied."""
    number = detail.partition(b'"entries": ')[2].partition(b",")[0].rstrip(b"}")
    return int(number) if number.isdigit() else 0


def _id(fields: bytes) -> int | None:
    found = fields.partition(b"\t")[0]
    return int(found) if found.isdigit() else None


def _bytes(text: bytes) -> bytes:
    return bytes.fromhex(text[len(_HEX) :].decode())
