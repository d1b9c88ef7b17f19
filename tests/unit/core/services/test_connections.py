"""Connections and routes: settings checked, secrets kept, and the way a message takes."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from connectpulse.core.domain.routing import chooser
from connectpulse.core.errors import Refused
from connectpulse.core.services import connections, records
from connectpulse.core.services.connections import Limits
from connectpulse.core.storage import guard
from connectpulse.core.storage.models import AuditEntry, Connection, Dispatch
from connectpulse.testing import factories
from tests.unit.core.services.scene import AMINA, CHANNEL, Scene


def order(scene: Scene, address: str = "p@x.org", organisation: int | None = None) -> tuple[int, ...]:
    with scene.house.work(AMINA) as work:
        return chooser(connections.rules(work, CHANNEL, organisation or scene.organisation), "Amina")(address, 0)


@pytest.mark.parametrize(
    ("settings", "limits", "sentence"),
    [
        ({}, Limits(), "City: please fill this in"),
        ({"city": "Lahore", "delay_ms": "soon"}, Limits(), "not a whole number"),
        ({"city": "Lahore", "colour": "red"}, Limits(), "there is no such setting"),
        ({"city": "Lahore"}, Limits(window=0), "The window must lie between"),
        ({"city": "Lahore"}, Limits(sessions=65), "The sessions must lie between"),
        ({"city": "Lahore"}, Limits(rate_per_second=0), "The rate must lie between"),
    ],
)
def test_settings_that_make_no_sense_are_refused(
    scene: Scene, settings: dict[str, Any], limits: Limits, sentence: str
) -> None:
    with scene.house.work(AMINA) as work, pytest.raises(Refused, match=sentence):
        connections.create(work, "Post", "post", settings, limits)


def test_a_secret_left_empty_keeps_its_value_and_is_never_written_down(scene: Scene) -> None:
    with scene.house.work(AMINA) as work:
        made = connections.create(work, "Post", "post", {"city": "Lahore", "key": "mirpurkhas"})
        assert "key" not in made.settings
    with scene.house.work(AMINA) as work:
        changed = connections.change(work, made.id, "Post", {"city": "Multan", "key": " "}, Limits())
        assert connections.values(changed)["key"] == "mirpurkhas"
        assert changed.revision == 2
    with scene.house.work(AMINA) as work:
        connections.change(work, made.id, "Post", {"city": "Multan", "key": "new"}, Limits())
        with guard.platform_scope(work.session, "test"):
            entries = work.session.scalars(select(AuditEntry.detail)).all()
    assert entries
    assert not [each for each in entries if "mirpurkhas" in str(each) or "'new'" in str(each)]


@pytest.mark.parametrize(
    ("conditions", "sentence"),
    [
        ({"weight": 0}, "weight"),
        ({"weight": 1001}, "weight"),
        ({"prefix": "0a"}, "digits"),
        ({"prefix": "+"}, "digits"),
    ],
)
def test_conditions_that_make_no_sense_are_refused(scene: Scene, conditions: dict[str, Any], sentence: str) -> None:
    with pytest.raises(Refused, match=sentence):
        scene.connect(**conditions)


def test_routes_are_tried_by_priority(scene: Scene) -> None:
    second, first = scene.connect("Second", priority=20), scene.connect("First", priority=10)
    assert order(scene) == (first, second)


def test_a_connection_that_is_paused_or_fails_comes_last(scene: Scene) -> None:
    first, second, third = (scene.connect(name, priority=n) for n, name in enumerate(("One", "Two", "Three")))
    with scene.house.work(AMINA) as work:
        connections.pause(work, first, "Contract ended")
        records.find(work, Connection, second).open_until = work.clock() + timedelta(minutes=1)
    assert order(scene) == (third, first, second)
    scene.at(scene.house.clock() + timedelta(minutes=2))
    with scene.house.work(AMINA) as work:
        connections.resume(work, first)
    assert order(scene) == (first, second, third)


def test_a_route_or_connection_of_another_organisation_is_not_taken(scene: Scene) -> None:
    other = factories.organisation(scene.house)
    mine = scene.connect("Mine", organisation_id=scene.organisation)
    theirs = scene.connect("Theirs", organisation_id=other)
    with scene.house.work(AMINA) as work:
        private = connections.create(work, "Private", "post", {"city": "x"}, is_trial=True, organisation_id=other)
        connections.create_route(work, private.id)
    assert order(scene) == (mine,)
    assert set(order(scene, organisation=other)) == {theirs, private.id}


def test_a_connection_messages_wait_for_is_not_deleted(scene: Scene) -> None:
    connection_id = scene.connect()
    scene.launch(scene.campaign(scene.people("p@x.org")))
    with scene.house.work(AMINA) as work, pytest.raises(Refused, match="Messages are still waiting for Post"):
        connections.remove(work, connection_id)


def test_a_dispatch_knows_where_to_go_if_its_connection_fails(scene: Scene) -> None:
    first, second = scene.connect("First"), scene.connect("Second", priority=20)
    scene.launch(scene.campaign(scene.people("p@x.org")))
    with scene.work() as work:
        dispatch = work.session.scalars(select(Dispatch)).one()
        assert (dispatch.connection_id, dispatch.alternatives) == (first, [second])
