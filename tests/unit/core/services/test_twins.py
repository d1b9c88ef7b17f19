"""What a provider says about a lost answer: nothing is taken for ours that another message is known by."""

import pytest

from connectpulse.core.domain.outcome import Accepted, ErrorClass, Outcome, Rejected, Unknown
from connectpulse.core.domain.provider import Submission
from connectpulse.core.services.twins import without_twins
from connectpulse.core.storage import guard
from tests.unit.core.services.scene import AMINA, Scene
from tests.unit.core.services.test_retries import Line, reference

OPEN = Unknown("not_found_out")


@pytest.fixture
def line(scene: Scene) -> Line:
    return Line(scene)


def sent(line: Line) -> Submission:
    """Send a message that is accepted."""
    line.single()
    (submission,) = line.hand_over()
    return submission


def lost(line: Line) -> Submission:
    """Send a message whose answer is lost."""
    line.single()
    batch = line.take()
    assert batch is not None
    line.answer(batch, Unknown())
    (submission,) = batch.submissions
    return submission


def told(line: Line, *said: tuple[Submission, Outcome], connection: int = 0) -> list[Outcome]:
    asked, answers = zip(*said, strict=True)
    with line.scene.house.work(AMINA) as work, guard.platform_scope(work.session, "test"):
        return without_twins(work, connection or line.connection, asked, answers)


def test_a_message_that_never_left_is_not_taken_for_its_twin(line: Line) -> None:
    twin, ours = sent(line), lost(line)
    assert told(line, (ours, Accepted((reference(twin.message_id),), 1))) == [OPEN]
    assert told(line, (ours, Accepted(("P0", reference(twin.message_id)), 2))) == [OPEN]


def test_what_nobody_else_is_known_by_is_ours(line: Line) -> None:
    first, second = lost(line), sent(line)
    found = Accepted(("P7",), 1)
    assert told(line, (first, found)) == [found]
    again = Accepted((reference(second.message_id),), 1)
    assert told(line, (second, again)) == [again], "it holds that reference itself"


def test_two_of_one_answer_tell_nothing(line: Line) -> None:
    first, second, third = lost(line), lost(line), lost(line)
    found = Accepted(("P9",), 1)
    same = Accepted(("P7",), 1)
    assert told(line, (first, same), (second, found), (third, same)) == [OPEN, found, OPEN]


def test_a_twin_of_which_nothing_is_known_yet_may_be_the_one_that_was_named(line: Line) -> None:
    ours, found = lost(line), Accepted(("P7",), 1)
    line.single()
    on_the_wire = line.take()
    assert on_the_wire is not None
    assert told(line, (ours, found)) == [OPEN]
    line.answer(on_the_wire, Unknown())
    (twin,) = on_the_wire.submissions
    assert told(line, (ours, found)) == [OPEN], "it was not asked about"
    assert told(line, (ours, found), (twin, Accepted(("P8",), 1))) == [found, Accepted(("P8",), 1)]


def test_another_connection_counts_by_itself(line: Line) -> None:
    twin, ours = sent(line), lost(line)
    other = line.scene.connect("Other")
    found = Accepted((reference(twin.message_id),), 1)
    assert told(line, (ours, found), connection=other) == [found]


def test_other_answers_stay_as_they_are(line: Line) -> None:
    ours, other = lost(line), lost(line)
    refused = Rejected("barred", ErrorClass.RECIPIENT)
    assert told(line, (ours, refused), (other, Unknown("odd"))) == [refused, Unknown("odd")]
    assert told(line, (ours, Accepted(()))) == [Accepted(())]
