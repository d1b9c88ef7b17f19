"""A campaign finishes with the last of its parts, also when two parts end at the same moment."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from connectpulse.core.services import campaign_end, expansion
from connectpulse.core.services.work import Work
from tests.unit.core.services.scene import AMINA, Scene

PATIENCE = 30.0


@pytest.fixture
def campaign(scene: Scene) -> int:
    """A running campaign with two dispatches in workers' hands, expanded but for the step that notes it."""
    scene.connect()
    made = scene.campaign(scene.people("zara@example.org"))
    scene.launch(made)
    with scene.work() as work:
        work.session.execute(text("UPDATE pulse_dispatch SET state = 'claimed'"))
        columns = "organisation_id, campaign_id, connection_id, alternatives, channel, purpose, sender, due_at, state"
        columns += ", validity_minutes, first_id, last_id, cursor, messages, expires_at"
        work.session.execute(text(f"INSERT INTO pulse_dispatch ({columns}) SELECT {columns} FROM pulse_dispatch"))
    return made


def end_dispatch(work: Work, campaign: int, place: str) -> None:
    work.session.execute(
        text(f"UPDATE pulse_dispatch SET state = 'done' WHERE id = (SELECT {place}(id) FROM pulse_dispatch)")
    )
    campaign_end.finish_if_done(work, [campaign])


def is_waiting(scene: Scene) -> bool:
    """Whether somebody waits for a lock in this database."""
    with scene.house.work(AMINA) as work:
        return bool(
            work.session.scalar(
                text(
                    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
                    "AND wait_event_type = 'Lock'"
                )
            )
        )


def both_at_once(scene: Scene, campaign: int, is_expanding: bool) -> None:
    """End one dispatch, and before that is committed the other one or the expansion."""

    def other() -> None:
        with scene.work() as work:
            if is_expanding:
                assert not expansion.step(work, campaign)
            else:
                end_dispatch(work, campaign, "max")

    with ThreadPoolExecutor(1) as pool:
        with scene.work() as work:
            end_dispatch(work, campaign, "min")
            ending = pool.submit(other)
            deadline = time.monotonic() + PATIENCE
            while not ending.done() and not is_waiting(scene) and time.monotonic() < deadline:
                time.sleep(0.01)
        ending.result(PATIENCE)


def test_the_last_two_dispatches_may_end_at_once(scene: Scene, campaign: int) -> None:
    both_at_once(scene, campaign, is_expanding=False)
    assert scene.state(campaign) == "finished"


def test_the_last_dispatch_and_the_expansion_may_end_at_once(scene: Scene, campaign: int) -> None:
    with scene.work() as work:
        work.session.execute(text("UPDATE pulse_campaign SET is_expanded = false"))
        end_dispatch(work, campaign, "max")
    assert scene.state(campaign) == "running"
    both_at_once(scene, campaign, is_expanding=True)
    assert scene.state(campaign) == "finished"


def test_it_goes_on_while_something_is_in_hand(scene: Scene, campaign: int) -> None:
    with scene.work() as work:
        end_dispatch(work, campaign, "max")
    assert scene.state(campaign) == "running"
