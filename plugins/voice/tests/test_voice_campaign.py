"""A campaign of calls down the whole line: house, wire, SIP, callees in a process of their own."""

import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from connectpulse_voice.figures import CALLS, CARD
from connectpulse_voice.sip.samples import tone
from sqlalchemy import select, text
from voice_scene import settings

from connectpulse.core.api import MessageState
from connectpulse.core.domain.contracts import Purpose
from connectpulse.core.domain.personal import Use
from connectpulse.core.services import (
    campaigns,
    connections,
    contacts,
    counters,
    files,
    jobs,
    quotes,
    records,
    senders,
    singles,
    templates,
    uses,
)
from connectpulse.core.services.campaigns import Draft
from connectpulse.core.services.desk import ServiceDesk
from connectpulse.core.storage.models import ContactList, InboundMessage, Message, Suppression
from connectpulse.core.wire import wire as wires
from connectpulse.core.wire.wire import Wire
from connectpulse.house import House
from connectpulse.testing import factories
from connectpulse.testing.factories import ADMINISTRATOR

CALLER = "+922135300000"
ENDS = ("01", "02", "71", "79", "86", "04", "03")


@pytest.fixture
def ports() -> Iterator[dict[str, int]]:
    """Callees in a process of their own; the ports they answer at."""
    with subprocess.Popen(
        [sys.executable, "-m", "connectpulse_voice.simulator", "--rings", "0.1", "--hello", "0.2"],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.terminate()


def until(condition: Callable[[], Any], seconds: float = 25) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass in time"
        time.sleep(0.05)


def launched(house: House, organisation: int, connection: dict[str, Any]) -> int:
    """Launch a campaign to one number of each ending; return its id."""
    with house.work(ADMINISTRATOR) as work:
        made = connections.create(work, "Trunk", "sip", connection, is_trial=True)
        connections.create_route(work, made.id)
    with house.work(ADMINISTRATOR, organisation) as work:
        people = records.create(work, ContactList(name="Everybody"), "list.created")
        for ends in ENDS:
            contacts.create(work, contacts.Person("Amina", [("phone", f"+9230012345{ends}")], {}), [people.id])
        kept = files.keep(work, "hello.wav", tone(0.3))
        content = {"prompt": "recording", "recording": kept.id, "answers": "1 Yes, I come", "opt_out_key": "9",
                   "wait_seconds": 1, "most_seconds": 20}  # fmt: skip
        template = templates.create(work, "Reminder", "voice", content)
        sender = senders.create(work, "voice", "caller_id", CALLER, purposes=["promotional"])
        draft = Draft("Spring", "voice", "promotional", template.id, sender.id, [people.id])
        campaign = campaigns.create(work, draft)
    with house.work(ADMINISTRATOR, organisation) as work:
        quotes.request(work, campaign.id)
    run_jobs(house)
    with house.work(ADMINISTRATOR, organisation) as work:
        quote = quotes.latest(work, campaign.id)
        assert quote is not None
        campaigns.launch(work, campaign.id, quote.id)
    run_jobs(house)
    return campaign.id


def run_jobs(house: House) -> None:
    while True:
        with house.work(ADMINISTRATOR) as work:
            due = jobs.due(work)
        if not due:
            return
        for job_id in due:
            jobs.run(house.work, job_id, "test-worker")


def record(ports: dict[str, int], of: str = "") -> Any:
    """Return what the callees remember: their figures, or the calls to one number."""
    with urllib.request.urlopen(f"http://127.0.0.1:{ports['control_port']}/record{of}") as answer:
        return json.load(answer)


def test_a_campaign_calls_everybody_once(house: House, ports: dict[str, int]) -> None:
    organisation = factories.organisation(house)
    campaign_id = launched(house, organisation, settings(ports["sip_port"]))

    def figures() -> dict[str, int]:
        with house.work(ADMINISTRATOR, organisation) as work:
            return {name: int(amount) for name, amount in counters.read(work, [campaign_id])[campaign_id].items()}

    wire = Wire(ServiceDesk(house.work, "test-worker", ""))
    wire.start()
    try:
        until(lambda: figures().get("state:delivered", 0) == 4 and figures().get("state:undeliverable", 0) == 2)
    finally:
        wire.stop()

    remembered = record(ports)
    assert (remembered["calls"], remembered["messages"], remembered["duplicates"]) == (len(ENDS), len(ENDS), 0)
    with house.work(ADMINISTRATOR, organisation) as work:
        reasons = dict(work.session.execute(select(Message.address, Message.reason)).all())
        attempts = dict(work.session.execute(select(Message.address, Message.attempt)).all())
        billed = work.session.scalars(select(Message.billed).where(Message.state == 20)).all()
        answers = work.session.scalars(select(InboundMessage.body)).all()
        stopped = work.session.scalars(select(Suppression.value)).all()
        waits = work.session.scalar(text("SELECT due_at - now() > '9 minutes' FROM pulse_dispatch WHERE attempt = 2"))
    assert {address[-2:]: reason for address, reason in reasons.items()} == {
        "01": "answered_human", "02": "answered_human", "71": "answered_human", "79": "answered_human",
        "04": "invalid_number", "03": "declined", "86": "",
    }  # fmt: skip
    assert {address[-2:]: number for address, number in attempts.items() if number > 1} == {"86": 2}
    assert waits, "a busy line is called again after ten minutes"
    assert all(seconds and 1 <= seconds <= 20 for seconds in billed)
    assert list(answers) == ["Yes, I come"]
    assert list(stopped) == ["+923001234579"]

    with house.work(ADMINISTRATOR, organisation) as work, uses.within(work, Use.REPORT):
        assert CALLS.rows(work, 10) == [
            ("Spring", "Answered human", 4), ("Spring", "Declined", 1), ("Spring", "Invalid number", 1)
        ]  # fmt: skip
        assert CARD.value(work) == "4 of 6"
    other = factories.organisation(house, "Others")
    with house.work(ADMINISTRATOR, other) as work:
        assert not CALLS.rows(work, 10)
        assert CARD.value(work) is None


def test_a_worker_that_stops_hangs_up_and_knows_what_was_said(
    house: House, ports: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wires, "STOP_WITHIN", 1.0)
    organisation = factories.organisation(house)
    with house.work(ADMINISTRATOR, organisation) as work:
        kept = files.keep(work, "long.wav", tone(30))
    content = {"prompt": "recording", "recording": kept.id, "most_seconds": 40}
    with house.work(ADMINISTRATOR) as work:
        connection_id = connections.create(work, "Trunk", "sip", settings(ports["sip_port"]), is_trial=True).id
    with house.work(ADMINISTRATOR, organisation) as work:
        message_id = singles.queue(
            work, channel=house.registry.channel("voice"), sender=CALLER, address="+923001234501", content=content,
            values=None, purpose=Purpose.TRANSACTIONAL, connection_id=connection_id,
        )  # fmt: skip
    wire = Wire(ServiceDesk(house.work, "test-worker", ""))
    wire.start()
    try:
        until(lambda: any(call["loud"] for call in record(ports, "/+923001234501")))
    finally:
        wire.stop()
    with house.work(ADMINISTRATOR, organisation) as work:
        sent = work.session.get_one(Message, message_id)
        assert sent.state == MessageState.DELIVERED
        assert sent.billed is not None
        assert 1 <= sent.billed < 40
    remembered = record(ports)
    assert (remembered["calls"], remembered["delivered"], remembered["waiting"]) == (1, 1, 0)
