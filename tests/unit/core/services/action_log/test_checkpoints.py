"""Checkpoints: what a database that was turned back cannot pass, and what nobody can take away or forge."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text

from connectpulse.core.services import audit
from connectpulse.core.services.action_log import checkpoints, verifying
from connectpulse.core.services.work import SYSTEM, utc_now
from connectpulse.core.storage import guard
from connectpulse.core.storage.models import AuditEntry, Notice
from connectpulse.core.storage.stores import Store
from connectpulse.core.storage.trust import canonical, trust
from connectpulse.house import House
from connectpulse.testing.factories import ADMINISTRATOR


def note(house: House, organisation: int, name: str = "All") -> None:
    with house.work(ADMINISTRATOR, organisation) as work:
        audit.record_named(work, "list.created", organisation, "ContactList", 1, name)


def mark(house: House) -> int:
    return checkpoints.write(house.work)


def faults(house: House) -> list[str]:
    return verifying.verify(house.work).sentences()


def test_one_is_written_for_what_grew_and_none_for_nothing(house: House, organisation: int, ledger: Path) -> None:
    note(house, organisation)
    assert mark(house) == 2  # the organisation's chain, and the platform's, which tells of the organisation
    assert mark(house) == 0
    note(house, organisation)
    assert mark(house) == 1  # the platform's chain has told of the first checkpoint and of nothing else
    assert [each.name for each in sorted(ledger.iterdir())] == ["0000000001.json", "0000000002.json"]
    assert faults(house) == []


def test_hours_without_acts_leave_no_checkpoints(house: House, organisation: int, ledger: Path) -> None:
    note(house, organisation)
    for hours in range(5):
        house.clock = lambda hours=hours: utc_now() + timedelta(hours=hours)  # type: ignore[misc]
        mark(house)
    assert len(list(ledger.iterdir())) == 1


def turn_back(house: House, organisation: int) -> None:
    """Remove the last entry of a chain as its database's owner could who remembers the head from before it."""
    with house.engine.begin() as connection:
        before: Any = connection.execute(
            text("SELECT * FROM pulse_audit_head WHERE organisation_id = :id"), {"id": organisation}
        ).mappings().one()  # fmt: skip
    note(house, organisation, "Removed")
    mark(house)
    with house.engine.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(text("DELETE FROM pulse_audit WHERE object_name = 'Removed'"))
        connection.execute(
            text("UPDATE pulse_audit_head SET last_id = :last_id, entries = :entries, seal = :seal, mac = :mac "
                 "WHERE organisation_id = :organisation_id"),
            dict(before),
        )  # fmt: skip


def test_a_chain_that_was_cut_and_grew_anew_is_found_and_told(house: House, organisation: int) -> None:
    note(house, organisation)
    turn_back(house, organisation)
    note(house, organisation, "Instead")
    (found,) = faults(house)
    assert found.startswith(f"Organisation {organisation}: Entry ")
    assert "the chain's end at a checkpoint" in found
    mark(house)
    with house.work(SYSTEM) as work, guard.platform_scope(work.session, "test"):
        notice = work.session.scalars(select(Notice).where(Notice.kind == "audit.broken")).one()
        assert notice.level == "alarm"
        assert work.session.scalars(select(AuditEntry.verb).where(AuditEntry.verb == "audit.broken")).one()
    assert len(faults(house)) == 1  # a later checkpoint does not cover it up


@pytest.mark.parametrize("number", [1, 2, 3])
def test_none_can_be_taken_away(house: House, organisation: int, ledger: Path, number: int) -> None:
    for _ in range(3):
        note(house, organisation)
        mark(house)
    assert faults(house) == []
    (ledger / f"{number:010d}.json").unlink()
    assert faults(house)


def test_none_can_be_forged(house: House, organisation: int, ledger: Path) -> None:
    note(house, organisation)
    mark(house)
    path = ledger / "0000000001.json"
    envelope = json.loads(path.read_bytes())
    envelope["payload"]["chains"][str(organisation)][1] += 1
    path.write_bytes(canonical(envelope))
    assert "The signature is not this site's" in faults(house)[0]
    path.write_bytes(b"[]")
    assert "cannot be read" in faults(house)[0]


def test_one_that_the_log_could_not_tell_of_is_told_later(
    house: House, organisation: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    note(house, organisation)
    with monkeypatch.context() as patched:
        patched.setattr(checkpoints, "_tell", killed)  # between the file and the commit
        with pytest.raises(KeyboardInterrupt):
            checkpoints.write(house.work)
    assert "does not tell of it" in faults(house)[0]
    mark(house)
    assert faults(house) == []


def killed(*given: Any) -> None:
    raise KeyboardInterrupt


def test_one_that_was_written_down_and_not_put_is_put_by_the_next(
    house: House, organisation: int, ledger: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    note(house, organisation)
    with monkeypatch.context() as patched:
        patched.setattr(Store, "put", killed)
        with pytest.raises(KeyboardInterrupt):
            checkpoints.write(house.work)
    assert not ledger.exists() or not list(ledger.iterdir())
    assert mark(house) == 2
    assert (faults(house), mark(house)) == ([], 0)


def test_no_transaction_is_open_while_it_is_put(
    house: House, organisation: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    real = Store.put

    def put(self: Store, name: str, content: bytes) -> None:
        seen.append(house.engine.pool.checkedout())  # type: ignore[attr-defined]
        real(self, name, content)

    monkeypatch.setattr(Store, "put", put)
    note(house, organisation)
    assert (mark(house), seen) == (2, [0])


def test_its_signature_can_be_checked_with_the_public_key_alone(house: House, organisation: int, ledger: Path) -> None:
    note(house, organisation)
    mark(house)
    (content,) = (each.read_bytes() for each in ledger.iterdir())
    assert checkpoints.parse(content, trust.public_key).marks[organisation].entries == 1
