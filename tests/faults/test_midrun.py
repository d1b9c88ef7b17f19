"""Pause, cancel and STOP in the middle of a campaign over real SMPP: what is not on the wire stays here."""

from collections.abc import Iterator

import pytest
from sqlalchemy import select, text

from bench.line import FIRST_NUMBER, PLAIN, SENDER, Line, wait_until
from connectpulse.core.services import campaigns
from connectpulse.core.services.connections import Limits
from connectpulse.core.storage import guard
from connectpulse.core.storage.models import Suppression
from connectpulse.house import House
from connectpulse.testing.factories import ADMINISTRATOR
from connectpulse.testing.simulator import Simulator
from tests.journeys.live import working

PEOPLE = 2_000
RATE = 500
WINDOW = 20


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(PLAIN) as made:
        yield made


@pytest.fixture
def line(house: House, organisation: int, simulator: Simulator) -> Iterator[Line]:
    """A line to the simulator with a worker on it; the connection allows `WINDOW` messages on the wire."""
    made = Line(house, organisation)
    made.connect(Limits(window=WINDOW), **simulator.settings())
    with working(house):
        yield made


def launched(line: Line) -> int:
    campaign_id, quote_id = line.campaign(line.audience(PEOPLE), "promotional", rate_per_second=RATE)
    line.launch(campaign_id, quote_id)
    return campaign_id


def submitted(simulator: Simulator) -> int:
    return int(simulator.record()["parts"])


def is_at_rest(line: Line) -> bool:
    with line.house.work(ADMINISTRATOR) as work:
        return not work.session.scalar(text("SELECT count(*) FROM pulse_dispatch WHERE state = 'claimed'"))


def test_nothing_leaves_after_a_pause_or_a_cancel(line: Line, simulator: Simulator) -> None:
    campaign_id = launched(line)
    wait_until(lambda: submitted(simulator) > 100, 20)
    with line.house.work(ADMINISTRATOR, line.organisation) as work:
        campaigns.pause(work, campaign_id)
    at_pause = submitted(simulator)
    wait_until(lambda: is_at_rest(line), 20)
    paused_at = submitted(simulator)
    assert paused_at <= at_pause + WINDOW

    with line.house.work(ADMINISTRATOR, line.organisation) as work:
        campaigns.resume(work, campaign_id)
    wait_until(lambda: submitted(simulator) > paused_at + 100, 20)
    with line.house.work(ADMINISTRATOR, line.organisation) as work:
        campaigns.cancel(work, campaign_id)
    at_cancel = submitted(simulator)
    wait_until(lambda: line.figures(campaign_id).get("state:queued", 0) == 0, 20)
    wait_until(lambda: line.figures(campaign_id).get("state:accepted", 0) == 0, 20)
    record = simulator.record()
    assert record["parts"] <= at_cancel + WINDOW < PEOPLE
    assert record["duplicates"] == 0
    figures = line.figures(campaign_id)
    assert figures["state:delivered"] == record["parts"]
    assert figures["state:delivered"] + figures["state:cancelled"] == PEOPLE


def test_who_writes_stop_in_mid_run_gets_nothing_more_but_the_confirmation(line: Line, simulator: Simulator) -> None:
    campaign_id = launched(line)
    wait_until(lambda: submitted(simulator) > 100, 20)
    leaving = [str(FIRST_NUMBER + PEOPLE - 1 - number) for number in range(20)]
    for number in leaving:
        simulator.inbound(f"+92{number}", SENDER, "Stop")

    def all_are_heard() -> bool:
        with line.house.work(ADMINISTRATOR, line.organisation) as work:
            return set(work.session.scalars(select(Suppression.value))) == {f"+92{number}" for number in leaving}

    wait_until(all_are_heard, 20)
    wait_until(lambda: line.state(campaign_id) == "finished", 30)
    assert submitted(simulator) >= PEOPLE - len(leaving)
    for number in leaving:
        texts = [each["text"] for each in simulator.sent_to(f"92{number}")]
        assert not any(each.startswith("Dear") for each in texts)
    figures = line.figures(campaign_id)
    assert figures["state:skipped"] == figures["skipped:opted_out"] == len(leaving)
    assert _is_log_free_of(line, leaving)


def _is_log_free_of(line: Line, numbers: list[str]) -> bool:
    """Return whether no campaign message to these people was handed over."""
    with line.house.work(ADMINISTRATOR) as work, guard.platform_scope(work.session, "test"):
        handed_over = work.session.scalar(
            text(
                "SELECT count(*) FROM pulse_message "
                "WHERE campaign_id IS NOT NULL AND submitted_at IS NOT NULL AND address = ANY(:addresses)"
            ),
            {"addresses": [f"+92{number}" for number in numbers]},
        )
    return handed_over == 0
