"""What Prometheus reads, on a real database; and the page a worker offers it on."""

import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text

from connectpulse.core.domain.contracts import Purpose
from connectpulse.core.domain.outcome import Accepted
from connectpulse.core.errors import Misconfigured
from connectpulse.core.services import connections, counters, jobs, singles
from connectpulse.core.services.desk import ServiceDesk
from connectpulse.core.storage.embedded import free_port
from connectpulse.house import House
from connectpulse.metrics import exposition
from connectpulse.testing import factories
from connectpulse.testing.factories import ADMINISTRATOR
from connectpulse.worker_page import page


def figures(house: House) -> dict[tuple[str, ...], float]:
    """Return every sample by name and label values."""
    families = text_string_to_metric_families(exposition(house).decode())
    return {(each.name, *each.labels.values()): each.value for family in families for each in family.samples}


def test_an_idle_site_has_waited_for_nothing(house: House) -> None:
    found = figures(house)
    assert found["connectpulse_queue_age_seconds", "jobs"] == 0
    assert found["connectpulse_queue_age_seconds", "dispatches"] == 0
    assert found["connectpulse_submitted_total",] == 0


def test_work_that_nobody_takes_grows_old(house: House, organisation: int) -> None:
    with house.work(ADMINISTRATOR, organisation) as work:
        jobs.submit(work, "quote", 7)
        work.session.execute(text("UPDATE pulse_job SET run_at = now() - interval '90 seconds'"))
        work.session.execute(
            text(
                "INSERT INTO pulse_dispatch (organisation_id, connection_id, channel, purpose, sender, "
                "validity_minutes, first_id, last_id, cursor, messages, due_at, expires_at) "
                "VALUES (:organisation, 1, 'sms', 'transactional', 'X', 60, 1, 1, 0, 1, now() - interval '70 seconds', "
                "now() + interval '1 hour')"
            ),
            {"organisation": organisation},
        )
    found = figures(house)
    assert 90 <= found["connectpulse_queue_age_seconds", "jobs"] < 120
    assert 70 <= found["connectpulse_queue_age_seconds", "dispatches"] < 100


def test_a_job_in_somebodys_hands_is_not_waiting(house: House, organisation: int) -> None:
    with house.work(ADMINISTRATOR, organisation) as work:
        jobs.submit(work, "quote", 7)
        work.session.execute(
            text(
                "UPDATE pulse_job SET run_at = now() - interval '90 seconds', state = 'running', "
                "lease_until = now() + interval '60 seconds'"
            )
        )
    assert figures(house)["connectpulse_queue_age_seconds", "jobs"] == 0


def test_messages_are_told_from_deltas(house: House, organisation: int) -> None:
    with house.work(ADMINISTRATOR, organisation) as work:
        campaign = work.session.scalar(
            text(
                "INSERT INTO pulse_campaign (organisation_id, name, channel, purpose, timezone) "
                "VALUES (:organisation, 'X', 'sms', 'transactional', 'UTC') RETURNING id"
            ),
            {"organisation": organisation},
        )
        assert campaign is not None
        counters.add(work, {(organisation, campaign, "state:accepted"): 10, (organisation, campaign, "parts"): 10})
        counters.add(
            work, {(organisation, campaign, "state:accepted"): -4, (organisation, campaign, "state:delivered"): 4}
        )
    found = figures(house)
    assert found["connectpulse_messages", "accepted"] == 6
    assert found["connectpulse_messages", "delivered"] == 4
    assert ("connectpulse_messages", "parts") not in found


def test_messages_of_no_campaign_are_told_as_well(post_house: House) -> None:
    organisation = factories.organisation(post_house)
    with post_house.work(ADMINISTRATOR) as work:
        connection_id = connections.create(work, "Post", "post", {"city": "Lahore"}, is_trial=True).id
    with post_house.work(ADMINISTRATOR, organisation) as work:
        for address in ("p@x.org", "q@x.org"):
            singles.queue(
                work, channel=work.registry.channel("postcard"), sender="A", address=address, content={"body": "Hi"},
                purpose=Purpose.TRANSACTIONAL, connection_id=connection_id,
            )  # fmt: skip
    assert figures(post_house)["connectpulse_messages", "queued"] == 2
    desk = ServiceDesk(post_house.work, "test-worker", "")
    hand = desk.hand(desk.lines()[0])
    batch = hand.turn(None, (), 1).batch
    assert batch is not None
    hand.turn(batch, [Accepted(("r1",))], 0)
    found = figures(post_house)
    assert (found["connectpulse_messages", "queued"], found["connectpulse_messages", "accepted"]) == (1, 1)


def test_a_connection_is_up_paused_or_avoided(house: House) -> None:
    account = {"host": "127.0.0.1", "system_id": "pulse", "password": "pulse"}
    with house.work(ADMINISTRATOR) as work:
        up, paused, avoided = (
            connections.create(work, name, "smpp", account, is_trial=True).id for name in ("A", "B", "C")
        )
        connections.pause(work, paused, "for a test")
        work.session.execute(
            text("UPDATE pulse_connection SET open_until = now() + interval '1 minute' WHERE id = :id"), {"id": avoided}
        )
        work.session.execute(
            text(
                "INSERT INTO pulse_connection_slot (connection_id, slot, worker, lease_until, state, updated_at) "
                "VALUES (:id, 1, 'w', now() + interval '1 minute', 'connected', now())"
            ),
            {"id": up},
        )
    found = figures(house)
    for face, id in (("up", up), ("paused", paused), ("circuit_open", avoided)):
        assert {each for each in (up, paused, avoided) if found[f"connectpulse_connection_{face}", str(each)]} == {id}


@pytest.fixture
def address(house: House) -> Iterator[str]:
    with page(house, free_port()) as port:
        yield f"http://127.0.0.1:{port}"


def test_a_workers_page_says_that_it_lives_and_how_the_site_does(address: str) -> None:
    with urllib.request.urlopen(f"{address}/healthz") as answer:
        assert answer.read() == b"ok\n"
    with urllib.request.urlopen(f"{address}/metrics") as answer:
        told = answer.read().decode()
    assert "connectpulse_queue_age_seconds" in told
    assert "python_gc_objects_collected_total" in told
    with pytest.raises(urllib.error.HTTPError, match="404") as refusal:
        urllib.request.urlopen(f"{address}/else")
    refusal.value.close()


def test_a_port_that_is_taken_is_named(house: House, address: str) -> None:
    taken = int(address.rpartition(":")[2])
    with pytest.raises(Misconfigured, match="Change WORKER_PORT"), page(house, taken):
        pass


def test_no_page_where_none_is_wanted(house: House) -> None:
    with page(house, 0) as port:
        assert port == 0
