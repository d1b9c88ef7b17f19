"""A receipt that carries our token settles the one message whose answer was lost, and no other."""

from itertools import permutations

import pytest
from sqlalchemy import text

from connectpulse.core.domain.message import MessageState
from connectpulse.core.domain.outcome import Unknown
from connectpulse.core.domain.provider import Receipt
from connectpulse.core.services import recovery
from connectpulse.core.storage import guard
from tests.unit.core.services.scene import AMINA, Scene
from tests.unit.core.services.test_retries import Line, reference

S = MessageState


@pytest.fixture
def line(scene: Scene) -> Line:
    return Line(scene)


def lose(line: Line) -> int:
    """Send a message whose answer is lost; return its id. All go to one address."""
    message = line.single()
    batch = line.take()
    assert batch is not None
    line.answer(batch, Unknown())
    return message


def lose_long(line: Line) -> int:
    """Lose the answer of a message of two parts; return its id."""
    message = lose(line)
    with line.scene.house.work(AMINA) as work, guard.platform_scope(work.session, "test"):
        work.session.execute(text("UPDATE pulse_message SET parts = 2 WHERE id = :id"), {"id": message})
    return message


def sweep(line: Line) -> int:
    with line.scene.house.work(AMINA) as work, guard.platform_scope(work.session, "test"):
        return recovery.orphans(work)


def told(message: int, state: MessageState, name: str = "wamid") -> Receipt:
    return Receipt(f"{name}.{message}", state, address="zara@x.org", token=f"{message:x}")


def test_each_receipt_settles_the_message_it_names(line: Line) -> None:
    first, second, third = lose(line), lose(line), lose(line)
    line.tell(told(second, S.DELIVERED), told(third, S.UNDELIVERABLE))
    assert sweep(line) == 2
    states = [line.state(message)[0] for message in (first, second, third)]
    assert states == ["unknown", "delivered", "undeliverable"]
    line.tell(told(third, S.READ))
    assert line.state(third)[0] == "read", "from now on its reference is known"
    assert line.figures() == {"state:unknown": 1, "state:delivered": 1, "state:read": 1}


def test_any_order_ends_alike_and_leaves_no_name(line: Line) -> None:
    for order in permutations([S.SENT, S.DELIVERED, S.READ]):
        message = lose(line)
        line.tell(*(told(message, state) for state in order))
        assert sweep(line) == 3
        assert line.state(message)[0] == "read"
    with line.scene.house.work(AMINA) as work:
        kept = work.session.execute(text("SELECT DISTINCT named_id, address FROM pulse_receipt")).all()
    assert [tuple(row) for row in kept] == [(None, "")]


def test_each_part_of_a_message_is_told_apart(line: Line) -> None:
    for order in permutations([("a", S.SENT), ("a", S.DELIVERED), ("b", S.DELIVERED)]):
        message = lose_long(line)
        line.tell(*(told(message, state, name) for name, state in order))
        assert sweep(line) == 3
        assert line.state(message)[0] == "delivered"


def test_a_receipt_that_bills_all_parts_tells_of_the_whole(line: Line) -> None:
    for quantity, state in ((1, "accepted"), (2, "delivered")):
        message = lose_long(line)
        line.tell(told(message, S.DELIVERED)._replace(quantity=quantity))
        assert sweep(line) == 1
        assert line.state(message)[0] == state


def test_one_that_overtakes_its_submit_waits_for_it(line: Line) -> None:
    message = line.single()
    batch = line.take()
    assert batch is not None
    line.tell(told(message, S.DELIVERED))
    assert sweep(line) == 0, "it is on the wire: whoever sent it will tell how it went"
    line.answer(batch, Unknown())
    assert sweep(line) == 1
    assert line.state(message)[0] == "delivered"


@pytest.mark.parametrize("token", ["x", "-1f", "", "f" * 40, "0"])
def test_what_is_no_token_names_nothing(line: Line, token: str) -> None:
    lose(line)
    line.tell(Receipt("foreign", S.DELIVERED, token=token))
    assert sweep(line) == 0


def test_a_message_of_another_connection_is_not_settled(line: Line) -> None:
    message = lose(line)
    other = line.scene.connect("Other")
    line.connection, ours = other, line.connection
    line.tell(told(message, S.DELIVERED))
    assert sweep(line) == 0
    line.connection = ours
    line.tell(told(message, S.SENT))
    assert sweep(line) == 1
    assert line.state(message)[0] == "sent"


def test_a_message_that_is_known_keeps_its_own_references(line: Line) -> None:
    message = line.single()
    line.hand_over()
    line.tell(told(message, S.UNDELIVERABLE, "other"))
    assert sweep(line) == 0
    assert line.state(message)[0] == "accepted"
    line.tell(Receipt(reference(message), S.DELIVERED, token=f"{message:x}"))
    assert line.state(message)[0] == "delivered"
