"""No agreement, no live connection: what may be sent where, and what happens when an agreement ends."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from connectpulse.core.errors import Refused
from connectpulse.core.services import campaigns, connections, expansion, plans, records
from connectpulse.core.services.desk import ServiceDesk
from connectpulse.core.services.disclosure import agreements, register
from connectpulse.core.services.disclosure.agreements import Standing
from connectpulse.core.services.work import SYSTEM
from connectpulse.core.storage import guard
from connectpulse.core.storage.models import Campaign, Connection
from connectpulse.house import House
from tests.unit.core.services.scene import AMINA, Scene

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
GOOD = {
    "party": "Post Ltd.", "reference": "DPA-1", "agreed_on": date(2026, 1, 1), "expires_on": date(2026, 12, 31),
    "contact": "Bilal", "email": "bilal@post.example",
}  # fmt: skip


@pytest.fixture
def post(scene: Scene) -> int:
    """A connection that waits for its agreement, with a route."""
    scene.at(NOON)
    with scene.house.work(AMINA) as work:
        made = connections.create(work, "Post", "post", {"city": "Lahore"})
        connections.create_route(work, made.id)
        return made.id


def agree(scene: Scene, connection_id: int, **changes: Any) -> None:
    with scene.house.work(AMINA) as work:
        agreements.record(work, connection_id, GOOD | changes)
        connections.resume(work, connection_id)


def stands(house: House, connection_id: int) -> Standing:
    with house.work(AMINA) as work:
        return agreements.standing(work, records.find(work, Connection, connection_id)).standing


def watch(house: House) -> int:
    with house.work(SYSTEM) as work, guard.platform_scope(work.session, "test"):
        return agreements.watch(work)


def test_a_connection_waits_until_an_agreement_is_on_record(scene: Scene, post: int) -> None:
    assert stands(scene.house, post) is Standing.MISSING
    with scene.house.work(AMINA) as work:
        assert not records.find(work, Connection, post).is_active
        with pytest.raises(Refused, match="No agreement with the provider of Post is on record"):
            connections.resume(work, post)
    agree(scene, post)
    with scene.house.work(AMINA) as work:
        assert records.find(work, Connection, post).is_active
    assert stands(scene.house, post) is Standing.AGREED


def test_a_campaign_is_not_launched_over_it(scene: Scene, post: int) -> None:
    campaign_id = scene.campaign(scene.people("amina@a.example"))
    with scene.work() as work:
        faults = plans.problems(work, records.find(work, Campaign, campaign_id))
    assert faults == [
        "No agreement with the provider of Post is on record. Record it, or mark the connection as a trial."
    ]


def test_an_agreement_that_ends_between_quote_and_launch_stops_the_launch(scene: Scene, post: int) -> None:
    agree(scene, post, expires_on=date(2026, 3, 2))
    campaign_id = scene.campaign(scene.people("amina@a.example"))
    quote = scene.quote(campaign_id)
    assert quote.recipients == 1
    scene.at(NOON + timedelta(hours=13))
    with scene.work() as work, pytest.raises(Refused, match="The agreement for Post ended on 02 March 2026"):
        campaigns.launch(work, campaign_id, quote.id)
    assert scene.state(campaign_id) == "draft"
    agree(scene, post)
    scene.launch(campaign_id)
    assert scene.state(campaign_id) == "running"


def test_when_it_ends_during_a_campaign_the_rest_waits_and_nobody_is_left_out(
    scene: Scene, post: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expansion, "PAGE", 1)
    agree(scene, post, expires_on=date(2026, 3, 2))
    scene.connect("Other", prefix="92")
    campaign_id = scene.campaign(scene.people("amina@a.example", "bilal@a.example"))
    quote = scene.quote(campaign_id)
    with scene.work() as work:
        campaigns.launch(work, campaign_id, quote.id)
        assert expansion.step(work, campaign_id)
    desk = ServiceDesk(scene.house.work, "test", "")
    assert post in {line.connection_id for line in desk.lines()}
    scene.at(NOON + timedelta(hours=13))
    scene.run_jobs()
    assert scene.figures(campaign_id)["state:queued"] == 2
    assert post not in {line.connection_id for line in desk.lines()}, "nothing leaves meanwhile"
    other_id = scene.campaign(scene.people("zara@a.example"), template_id=scene.template(name="Again"),
                              sender_id=scene.sender(value="Zara"))  # fmt: skip
    with pytest.raises(Refused, match="The agreement for Post ended on 02 March 2026"):
        scene.launch(other_id)


def test_a_route_with_an_agreement_is_taken_instead(scene: Scene, post: int) -> None:
    other = scene.connect("Other", priority=20)
    with scene.house.work(AMINA) as work:
        assert [rule.connection_id for rule in connections.rules(work, "postcard", scene.organisation)] == [other]
    agree(scene, post)
    with scene.house.work(AMINA) as work:
        assert len(connections.rules(work, "postcard", scene.organisation)) == 2


def test_a_month_before_its_end_the_operators_are_told_once(scene: Scene, post: int) -> None:
    agree(scene, post)
    for day, wanted in ((date(2026, 12, 1), 0), (date(2026, 12, 2), 1), (date(2026, 12, 3), 0)):
        scene.at(datetime(day.year, day.month, day.day, 12, tzinfo=UTC))
        assert watch(scene.house) == wanted, day
    with scene.house.engine.connect() as connection:
        row = connection.execute(text("SELECT title, level, roles, ended_at FROM pulse_notice")).one()
    assert tuple(row) == ("The agreement for Post ends on 31 December 2026", "alarm", ["Platform administrator"], None)
    with scene.house.work(AMINA) as work:
        agreements.record(work, post, GOOD | {"reference": "DPA-2", "expires_on": date(2027, 12, 31)})
    with scene.house.engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM pulse_notice WHERE ended_at IS NULL")) == 0


def test_when_it_is_over_the_connection_stops_and_says_why(scene: Scene, post: int) -> None:
    agree(scene, post)
    scene.at(datetime(2027, 1, 1, 0, 1, tzinfo=UTC))
    assert (watch(scene.house), watch(scene.house)) == (1, 0)
    with scene.house.work(AMINA) as work:
        row = records.find(work, Connection, post)
        assert not row.is_active
        assert row.paused_reason == "The agreement for Post ended on 31 December 2026. Record the new one first."


def test_trials_and_simulators_need_none_and_say_so(house: House, scene: Scene) -> None:
    trial = scene.connect("Trial")
    assert stands(scene.house, trial) is Standing.TRIAL
    with house.work(AMINA) as work:
        simulator = connections.create(work, "Simulator", "simulator", {}).id
        assert records.find(work, Connection, simulator).is_active
    assert stands(house, simulator) is Standing.SIMULATED
    campaign_id = scene.campaign(scene.people("amina@a.example"))
    scene.quote(campaign_id)
    with scene.work() as work:
        assert agreements.trials(work, campaign_id) == ["Trial"]


def test_a_trial_that_becomes_real_waits(scene: Scene) -> None:
    trial = scene.connect("Trial")
    with scene.house.work(AMINA) as work:
        connections.change(work, trial, "Trial", {"city": "Lahore"}, connections.Limits(), is_trial=False)
        assert not records.find(work, Connection, trial).is_active
        assert connections.rules(work, "postcard", scene.organisation) == []


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"party": " "}, "Company"),
        ({"reference": ""}, "Reference"),
        ({"agreed_on": date(2026, 3, 3)}, "has not come yet"),
        ({"expires_on": date(2026, 1, 1)}, "before the agreement itself"),
        ({"expires_on": date(2046, 1, 1)}, "at most ten years"),
        ({"expires_on": None}, "a day it ends"),
    ],
)
def test_an_impossible_agreement_is_refused(scene: Scene, post: int, changes: dict[str, Any], fault: str) -> None:
    with scene.house.work(AMINA) as work, pytest.raises(Refused, match=fault):
        agreements.record(work, post, GOOD | changes)
    assert stands(scene.house, post) is Standing.MISSING


def test_the_public_page_lists_companies_and_no_machines(scene: Scene, post: int) -> None:
    scene.connect("Trial")
    with scene.house.work(AMINA) as work:
        assert register.processors(work) == []
    agree(scene, post)
    with scene.house.work(AMINA) as work:
        [company] = register.processors(work)
        entries = {entry.connection.name: entry for entry in register.entries(work)}
    assert (company.party, company.fields, company.countries) == ("Post Ltd.", ("address", "body"), ("PK",))
    assert entries["Post"].disclosure.hosts == ("post.example",)
    assert entries["Trial"].agreement is None


def test_the_agreement_outlives_its_connection(scene: Scene, post: int) -> None:
    agree(scene, post)
    with scene.house.work(AMINA) as work:
        connections.remove(work, post)
    with scene.house.engine.connect() as connection:
        kept = connection.execute(text("SELECT connection_id, connection_name, reference FROM pulse_agreement")).one()
    assert tuple(kept) == (None, "Post", "DPA-1")
