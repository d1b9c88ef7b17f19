"""The chain: what a line is, that seals are HMACs, and that nothing can be changed, moved, added or taken away."""

import hmac
import secrets
from dataclasses import replace
from hashlib import sha256

import pytest

from connectpulse.core.domain import chain
from connectpulse.core.domain.chain import Broken, Head

KEY = bytes(range(32))
SEAL = chain.sealer(KEY)


def entry(before: bytes, id: int, verb: str = "list.created", name: str = "Amina", detail: str = "{}") -> bytes:
    """Return the line of an entry, as the database would write it."""
    actor_salt, object_salt = secrets.token_bytes(16), secrets.token_bytes(16)
    plain = (id, 7, verb, "user", 1, "ContactList", "12", "ab12")
    digests = (chain.digest(actor_salt, name, "10.0.0.1"), chain.digest(object_salt, "All", detail))
    fields = b"\t".join((*map(chain.written, plain), *map(chain.binary, digests)))
    opened = (
        chain.binary(actor_salt), chain.written(name), b"10.0.0.1",
        chain.binary(object_salt), b"All", chain.written(detail),
    )  # fmt: skip
    return b"\t".join((chain.binary(chain.seal_after(SEAL, before, fields)), fields, *opened))


def seal_of(line: bytes) -> bytes:
    return bytes.fromhex(line.partition(b"\t")[0][3:].decode())


def lines(count: int = 6) -> list[bytes]:
    found: list[bytes] = []
    for number in range(1, count + 1):
        found.append(entry(seal_of(found[-1]) if found else chain.ORIGIN, number * 10))
    return found


def test_a_seal_is_an_hmac() -> None:
    for content in (b"", b"x", b"y" * 500):
        assert SEAL(content) == hmac.digest(KEY, content, sha256)


def test_a_whole_chain_holds_and_ends_where_its_head_says() -> None:
    found = lines()
    walk = chain.walk(SEAL, found)
    assert (walk.entries, walk.erased, walk.last_id, walk.last_seal) == (6, 0, 60, seal_of(found[-1]))
    chain.check_end(Head(7, last_id=60, entries=6, seal=walk.last_seal).sealed(SEAL), SEAL, walk)


@pytest.mark.parametrize("odd", ["tab\there", "new\nline", "back\\slash", "\\N", "", "ع", "a\rb\vc\bd\fe"])
def test_any_value_can_be_sealed(odd: str) -> None:
    assert chain.walk(SEAL, [entry(chain.ORIGIN, 1, name=odd)]).entries == 1


def test_every_byte_of_every_line_is_held() -> None:
    found = lines(2)
    for at in range(len(found[0])):
        changed = bytearray(found[0])
        changed[at] ^= 1
        with pytest.raises(Broken):
            chain.walk(SEAL, [bytes(changed), found[1]])


def test_the_first_bad_entry_is_named() -> None:
    found = lines()
    for tampered, first in (
        ([*found[:2], *found[3:]], 40),
        ([found[0], found[2], found[1], *found[3:]], 30),
        ([*found[:3], found[2], *found[3:]], 30),
        ([*found[:4], found[4].replace(b"\t12\t", b"\t13\t"), found[5]], 50),
        ([*found[:3], found[3].replace(b"Amina", b"Bilal"), *found[4:]], 40),
        ([*found[:5], b"nonsense"], None),
    ):
        with pytest.raises(Broken) as broken:
            chain.walk(SEAL, tampered)
        assert broken.value.entry_id == first


def test_another_key_seals_nothing() -> None:
    with pytest.raises(Broken):
        chain.walk(chain.sealer(b"another"), lines(1))


def forgotten(line: bytes) -> bytes:
    """Return a line whose actor was emptied."""
    fields = line.split(b"\t")
    return b"\t".join([*fields[:11], chain.ABSENT, b"", b"", *fields[14:]])


def test_who_is_forgotten_breaks_nothing_and_is_counted() -> None:
    found = lines(2)
    found.append(entry(seal_of(found[-1]), 30, chain.ERASED_VERB, detail='{"what": "who acted", "entries": 1}'))
    walk = chain.walk(SEAL, [forgotten(found[0]), *found[1:]])
    assert (walk.entries, walk.erased, walk.told) == (3, 1, 1)
    head = Head(7, last_id=30, entries=3, seal=walk.last_seal).sealed(SEAL)
    chain.check_end(head, SEAL, walk)
    secretly = chain.walk(SEAL, [forgotten(found[0]), forgotten(found[1]), found[2]])
    with pytest.raises(Broken, match="2 entries were emptied; entries tell of 1"):
        chain.check_end(head, SEAL, secretly)


def test_nobody_is_put_in_the_place_of_who_was_forgotten() -> None:
    fields = forgotten(lines(1)[0]).split(b"\t")
    fields[12] = b"Bilal"
    with pytest.raises(Broken, match="who acted was changed"):
        chain.walk(SEAL, [b"\t".join(fields)])


def test_an_end_that_was_cut_off_or_turned_back_is_seen() -> None:
    found = lines()
    head = Head(7, last_id=60, entries=6, seal=seal_of(found[-1])).sealed(SEAL)
    shorter = chain.walk(SEAL, found[:4])
    with pytest.raises(Broken, match="ends after entry 40 with 4 entries; it has had 6"):
        chain.check_end(head, SEAL, shorter)
    back = replace(head, last_id=40, entries=4, seal=shorter.last_seal)
    with pytest.raises(Broken, match="set by somebody else"):
        chain.check_end(back, SEAL, shorter)


def test_a_chain_can_be_walked_in_stretches() -> None:
    found = lines()
    first = chain.walk(SEAL, found[:4], wanted=[seal_of(found[1])])
    second = chain.walk(SEAL, found[4:], seal_of(found[3]), [seal_of(found[4])])
    both = first.then(second)
    assert (both.entries, both.last_id) == (6, 60)
    assert both.met == {seal_of(found[1]): 2, seal_of(found[4]): 5}
