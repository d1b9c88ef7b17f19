"""The key of trust: its purposes tell nothing of each other, and what it signed is recognised or refused."""

import json
from collections.abc import Iterator

import pytest

from connectpulse.core.errors import Misconfigured, Refused
from connectpulse.core.storage.trust import Trust, canonical, is_signed, sealed, trust, unsealed


@pytest.fixture(autouse=True)
def _key() -> Iterator[None]:
    before = trust.key("signing") if trust._secret else b""
    secret = trust._secret
    trust.set("k" * 32)
    yield
    if before:
        trust.set(secret.decode())


def test_a_short_key_is_refused() -> None:
    with pytest.raises(Misconfigured, match="32 characters"):
        Trust().set("short")
    with pytest.raises(Misconfigured, match="not set"):
        Trust().key("signing")


def test_purposes_and_sites_have_keys_of_their_own() -> None:
    other = Trust()
    other.set("o" * 32)
    keys = {trust.key("a"), trust.key("b"), other.key("a"), other.key("b")}
    assert len(keys) == 4
    assert trust.key("a") == trust.key("a")
    assert all(len(key) == 32 for key in keys)


def test_an_envelope_opens_for_its_signer_only() -> None:
    envelope = json.loads(json.dumps(sealed({"name": "Amina", "count": 3, "ü": None})))
    assert unsealed(envelope, trust.public_key) == {"name": "Amina", "count": 3, "ü": None}
    other = Trust()
    other.set("o" * 32)
    with pytest.raises(Refused):
        unsealed(envelope, other.public_key)


@pytest.mark.parametrize(
    "change",
    [
        {"payload": {"count": 4}},
        {"payload": "text"},
        {"signature": "00" * 64},
        {"signature": "no hexadecimal"},
        {"signature": None},
    ],
)
def test_an_envelope_that_was_changed_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(Refused):
        unsealed(sealed({"count": 3}) | change, trust.public_key)


def test_signatures_are_over_one_form_of_json() -> None:
    assert canonical({"b": 1, "a": [1, "é"]}) == '{"a":[1,"é"],"b":1}'.encode()
    assert is_signed(b"x", trust.sign(b"x"), trust.public_key)
    assert not is_signed(b"y", trust.sign(b"x"), trust.public_key)
