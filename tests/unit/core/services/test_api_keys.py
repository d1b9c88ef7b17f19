"""Keys of the API: shown once, kept as a digest, good within their networks and time, revoked at once."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, text

from connectpulse.core.domain.scopes import AUDIT_READ, SUBJECTS_READ
from connectpulse.core.errors import NotFound, Refused
from connectpulse.core.services.api import keys
from connectpulse.core.services.api.keys import BadKey, Draft, WrongNetwork
from connectpulse.core.services.work import SYSTEM, Work
from connectpulse.core.storage.models import ApiKey, AuditEntry
from connectpulse.core.storage.trust import trust
from connectpulse.house import House
from connectpulse.testing import factories


def draft(**changed: Any) -> Draft:
    return Draft(**({"name": "Shop", "scopes": [AUDIT_READ], "rate_per_minute": 60} | changed))


def test_a_key_is_known_by_what_was_shown_once(house: House, organisation: int) -> None:
    with house.work(factories.ADMINISTRATOR, organisation) as work:
        row, token = keys.create(work, draft())
    with house.work(SYSTEM) as work:
        known = keys.check(work, token, "203.0.113.7")
    assert (known.id, known.organisation_id, known.name) == (row.id, organisation, "Shop")
    assert known.scopes == {AUDIT_READ}
    assert token.startswith(known.prefix + "_")


def test_the_key_itself_is_nowhere_in_the_database(work: Work) -> None:
    row, token = keys.create(work, draft())
    work.session.flush()
    secret = token[-43:]  # it may hold the sign that stands before it
    stored = work.session.execute(text("SELECT row_to_json(k)::text FROM pulse_api_key k")).scalars().all()
    told = work.session.execute(text("SELECT row_to_json(a)::text FROM pulse_audit a")).scalars().all()
    assert len(row.digest) == 32
    assert not [line for line in [*stored, *told] if secret in line]


@pytest.mark.parametrize(
    "wrong", ["", "pulse_", "x", "pulse_abcdefgh_" + "A" * 43, "pulse_abcdefgh_" + "A" * 5000, "\x00"]
)
def test_what_is_no_key_is_refused(work: Work, wrong: str) -> None:
    with pytest.raises(BadKey):
        keys.check(work, wrong, "203.0.113.7")


def test_one_letter_makes_another_key(work: Work) -> None:
    _, token = keys.create(work, draft())
    other = token[:-1] + ("A" if token[-1] != "A" else "B")
    with pytest.raises(BadKey, match="no such key"):
        keys.check(work, other, "203.0.113.7")


def test_another_trust_key_knows_no_key(work: Work) -> None:
    _, token = keys.create(work, draft())
    before = trust._secret.decode()
    trust.set("x" * 40)
    try:
        with pytest.raises(BadKey):
            keys.check(work, token, "203.0.113.7")
    finally:
        trust.set(before)


def test_a_revoked_key_is_refused_at_once_and_stays_revoked(house: House, organisation: int) -> None:
    with house.work(factories.ADMINISTRATOR, organisation) as work:
        row, token = keys.create(work, draft())
    with house.work(factories.ADMINISTRATOR, organisation) as work:
        keys.revoke(work, row.id)
    with house.work(factories.ADMINISTRATOR, organisation) as work:
        first = keys.revoke(work, row.id).revoked_at
        with pytest.raises(BadKey, match="revoked"):
            keys.check(work, token, "203.0.113.7")
        with pytest.raises(Refused, match="Make a new one"):
            keys.change(work, work.session.get_one(ApiKey, row.id), draft(name="Again"))
        verbs = work.session.scalars(select(AuditEntry.verb).order_by(AuditEntry.id)).all()
    assert first is not None
    assert [verb for verb in verbs if verb.startswith("api_key")] == ["api_key.created", "api_key.revoked"]


def test_nobody_revokes_the_key_of_another_organisation(house: House, organisation: int) -> None:
    other = factories.organisation(house)
    with house.work(factories.ADMINISTRATOR, organisation) as work:
        row, token = keys.create(work, draft())
    with pytest.raises(NotFound), house.work(factories.ADMINISTRATOR, other) as work:
        keys.revoke(work, row.id)
    with house.work(SYSTEM) as work:
        assert keys.check(work, token, "203.0.113.7").id == row.id


def test_a_key_ends(house: House, work: Work) -> None:
    end = work.clock() + timedelta(days=1)
    _, token = keys.create(work, draft(expires_at=end))
    assert keys.check(work, token, "").expires_at == end
    work.clock = lambda: end
    with pytest.raises(BadKey, match="expired"):
        keys.check(work, token, "")


@pytest.mark.parametrize(
    ("address", "is_let_in"),
    [
        ("203.0.113.0", True), ("203.0.113.255", True), ("203.0.114.0", False), ("::ffff:203.0.113.9", True),
        ("2001:db8::1", True), ("2001:db9::1", False), ("198.51.100.7", True), ("198.51.100.8", False), ("", False),
        ("unknown", False),
    ],
)  # fmt: skip
def test_a_key_works_within_its_networks_only(work: Work, address: str, is_let_in: bool) -> None:
    _, token = keys.create(work, draft(networks=["203.0.113.5/24", "2001:db8::/32", "198.51.100.7"]))
    if is_let_in:
        assert keys.check(work, token, address).networks == ("203.0.113.0/24", "2001:db8::/32", "198.51.100.7/32")
    else:
        with pytest.raises(WrongNetwork):
            keys.check(work, token, address)


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"scopes": []}, "scopes"), ({"scopes": ["everything"]}, "scopes"),
        ({"networks": ["10.0.0.0/33"]}, "networks"),
        ({"networks": ["shop.example.org"]}, "networks"),
        ({"networks": [f"10.0.{n}.1" for n in range(51)]}, "networks"),
    ],
)  # fmt: skip
def test_a_key_that_makes_no_sense_is_not_made(work: Work, changed: dict[str, Any], field: str) -> None:
    with pytest.raises(Refused) as refused:
        keys.create(work, draft(**changed))
    assert set(refused.value.fields) == {field}
    assert work.session.scalars(select(ApiKey)).all() == []


def test_an_end_that_is_over_is_refused(work: Work) -> None:
    with pytest.raises(Refused, match="over already"):
        keys.create(work, draft(expires_at=work.clock()))


def test_what_changes_is_written_down(work: Work) -> None:
    row, token = keys.create(work, draft())
    keys.change(work, row, draft(name="Till", scopes=[SUBJECTS_READ, AUDIT_READ], networks=["10.0.0.0/8"]))
    entry = work.session.scalars(select(AuditEntry).where(AuditEntry.verb == "api_key.updated")).one()
    assert set(entry.detail["changes"]) == {"name", "scopes", "networks"}
    assert keys.check(work, token, "10.1.2.3").scopes == {AUDIT_READ, SUBJECTS_READ}
