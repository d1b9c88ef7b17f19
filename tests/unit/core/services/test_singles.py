"""Messages of no campaign: nobody gets one who must not be written to, save what they have a right to."""

import pytest

from connectpulse.core.domain.contracts import Purpose
from connectpulse.core.errors import Refused
from connectpulse.core.services import contacts, erased, singles, suppressions
from connectpulse.core.services.work import Work
from tests.unit.core.services.scene import Scene

ZARA = "zara@x.org"


def queue(work: Work, purpose: Purpose, *, is_owed: bool = False) -> int:
    return singles.queue(
        work, channel=work.registry.channel("postcard"), sender="Amina", address=ZARA, content={"body": "Hello"},
        purpose=purpose, is_owed=is_owed,
    )  # fmt: skip


def suppressed(work: Work) -> None:
    suppressions.add(work, "email", ZARA, reason="opted_out", source="test", purpose=Purpose.PROMOTIONAL)


def restricted(work: Work) -> None:
    person = contacts.create(work, contacts.Person("Zara", [("email", ZARA)], {}))
    contacts.restrict(work, person.id, True)


def gone(work: Work) -> None:
    erased.remember(work, "20260101-1", {work.organisation_id: [("email", ZARA)]})


BARRED = [
    (suppressed, Purpose.PROMOTIONAL, "zara@x.org is suppressed"),
    (restricted, Purpose.TRANSACTIONAL, "The processing of zara@x.org is restricted"),
    (gone, Purpose.TRANSACTIONAL, "zara@x.org is suppressed"),
]


@pytest.mark.parametrize(("bar", "purpose", "why"), BARRED)
def test_nobody_is_written_to_who_is_barred(scene: Scene, bar: object, purpose: Purpose, why: str) -> None:
    scene.connect()
    with scene.work() as work:
        assert queue(work, purpose)
        bar(work)  # type: ignore[operator]
        with pytest.raises(Refused, match=why):
            queue(work, purpose)
        assert queue(work, purpose, is_owed=True)


def test_a_suppression_of_one_purpose_leaves_the_other(scene: Scene) -> None:
    scene.connect()
    with scene.work() as work:
        suppressed(work)
        assert queue(work, Purpose.TRANSACTIONAL)
