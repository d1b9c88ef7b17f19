"""Whom a receipt was about is kept only until its message is found, and never of people who were erased."""

import pytest
from sqlalchemy import text

from connectpulse.core.domain.message import MessageState
from connectpulse.core.domain.provider import Receipt
from connectpulse.core.services import counters, erased, receipts
from connectpulse.core.services.work import SYSTEM
from tests.unit.core.services.scene import Scene

ZARA, OMAR = "zara@example.org", "omar@example.org"


def _kept(scene: Scene) -> list[str]:
    with scene.house.work(SYSTEM) as work:
        return list(work.session.scalars(text("SELECT address FROM pulse_receipt ORDER BY id")))


def _receipt(reference: str, address: str) -> Receipt:
    return Receipt(reference, MessageState.DELIVERED, address=address)


@pytest.mark.parametrize("is_everywhere", [False, True], ids=["from an organisation", "from the platform"])
def test_a_late_receipt_does_not_bring_an_erased_address_back(scene: Scene, is_everywhere: bool) -> None:
    connection = scene.connect()
    home = erased.EVERYWHERE if is_everywhere else scene.organisation
    with scene.house.work(SYSTEM) as work:
        erased.remember(work, "20260101-1", {home: [("email", ZARA)]})
        receipts.apply(work, connection, [_receipt("a", ZARA), _receipt("b", OMAR), _receipt("c", "")])
    assert _kept(scene) == ["", OMAR, ""]


def test_a_receipt_whose_message_is_known_needs_no_address(scene: Scene) -> None:
    connection = scene.connect()
    with scene.house.work(SYSTEM) as work:
        message = work.session.scalar(
            text(
                "INSERT INTO pulse_message (organisation_id, changed_at, state, parts, quantity, units, channel, "
                "address, sender, body) VALUES (:here, now(), 2, 1, 1, 1, 'postcard', :to, 'A', 'b') RETURNING id"
            ),
            {"here": scene.organisation, "to": OMAR},
        )
        work.session.execute(
            text(
                "INSERT INTO pulse_reference (organisation_id, message_id, connection_id, part, reference) "
                "VALUES (:here, :message, :connection, 0, 'r1')"
            ),
            {"here": scene.organisation, "message": message, "connection": connection},
        )
        assert receipts.apply(work, connection, [_receipt("r1", OMAR)]) == 0
    assert _kept(scene) == [""]


def test_how_a_message_arrived_stays_with_it_and_is_counted(scene: Scene) -> None:
    connection = scene.connect()
    with scene.house.work(SYSTEM) as work:
        facts = {"here": scene.organisation, "connection": connection}
        for name in ("door", "neighbour", "plain"):
            message = work.session.scalar(
                text(
                    "INSERT INTO pulse_message (organisation_id, campaign_id, changed_at, state, parts, quantity, "
                    "units, channel, address, sender, body) "
                    "VALUES (:here, 77, now(), 3, 1, 1, 1, 'postcard', :name, 'A', 'b') RETURNING id"
                ),
                facts | {"name": name},
            )
            work.session.execute(
                text(
                    "INSERT INTO pulse_reference (organisation_id, message_id, connection_id, part, reference) "
                    "VALUES (:here, :message, :connection, 0, :name)"
                ),
                facts | {"message": message, "name": name},
            )
        told = [Receipt(name, MessageState.DELIVERED, "7", f"by_{name}") for name in ("door", "neighbour")]
        receipts.apply(work, connection, [*told, Receipt("plain", MessageState.DELIVERED, "7"), told[0]])
        rows = work.session.execute(text("SELECT address, reason, code FROM pulse_message ORDER BY address")).all()
        figures = counters.read(work, [77])[77]
    assert [tuple(row) for row in rows] == [
        ("door", "by_door", ""), ("neighbour", "by_neighbour", ""), ("plain", "", "")
    ]  # fmt: skip
    assert {name: int(figure) for name, figure in figures.items() if name.startswith("arrived:")} == {
        "arrived:by_door": 1,
        "arrived:by_neighbour": 1,
    }
