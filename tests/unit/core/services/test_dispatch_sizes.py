"""How many messages a dispatch holds: where sessions share the work, no more than one of them has under way at once."""

import pytest
from sqlalchemy import text

from tests.unit.core.services.scene import Scene


@pytest.mark.parametrize(
    ("sessions", "window", "expected"), [(1, 3, [57]), (2, 3, [20, 20, 17]), (2, 25, [25, 25, 7]), (2, 1000, [57])]
)
def test_sessions_that_share_the_work_get_a_piece_each(
    scene: Scene, sessions: int, window: int, expected: list[int]
) -> None:
    connection = scene.connect()
    with scene.work() as work:
        facts = {"id": connection, "sessions": sessions, "window": window}
        statement = 'UPDATE pulse_connection SET sessions = :sessions, "window" = :window WHERE id = :id'
        work.session.execute(text(statement), facts)
    campaign = scene.campaign(scene.people(*[f"p{number}@example.org" for number in range(57)]))
    scene.launch(campaign)
    with scene.work() as work:
        found = work.session.scalars(text("SELECT messages FROM pulse_dispatch ORDER BY first_id")).all()
    assert found == expected
