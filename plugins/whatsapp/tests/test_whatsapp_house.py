"""Campaigns on WhatsApp through the whole house: over the wire, to the simulator, and back by signed webhooks."""

import asyncio
import base64
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from connectpulse_whatsapp.channel import WhatsAppChannel
from connectpulse_whatsapp.simulator.options import NUMBER
from sqlalchemy import text
from whatsapp_scene import TEMPLATE, no_intake
from whatsapp_site import Site, opener, people

from connectpulse.core.api import NotFound, Refused, files
from connectpulse.core.domain.message import MessageState
from connectpulse.core.services import (
    contacts,
    recovery,
    senders,
)
from connectpulse.core.services.desk import ServiceDesk
from connectpulse.core.services.rights import intake, proof
from connectpulse.core.storage import guard
from connectpulse.core.storage.models import InboundMessage, Message, Suppression
from connectpulse.house import House
from connectpulse.testing.factories import ADMINISTRATOR as AMINA

pytestmark = pytest.mark.slow

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


@pytest.fixture
def opening(house: House, organisation: int) -> Iterator[Callable[..., Site]]:
    with opener(house, organisation) as opening:
        yield opening


S = MessageState
FATES = {"01": S.DELIVERED, "02": S.READ, "89": S.DELIVERED, "90": S.DELIVERED, "91": S.UNDELIVERABLE,
         "93": S.UNDELIVERABLE, "94": S.UNDELIVERABLE, "95": S.REJECTED, "96": S.READ, "98": S.ACCEPTED,
         "99": S.SENT}  # fmt: skip


@pytest.mark.parametrize(
    "trouble",
    [{}, {"is_early": True}, {"is_shuffled": True, "is_duplicated": True, "batch": 3}, {"batch": 1, "callers": 1}],
    ids=str,
)
def test_a_campaign_ends_alike_however_it_is_told(opening: Callable[..., Site], trouble: dict[str, Any]) -> None:
    site = opening(**trouble)
    campaign_id = site.campaign(people(*map(int, FATES)))
    site.hand_over()
    site.hear()
    assert site.states() == FATES
    counted = Counter(f"state:{state.label}" for state in FATES.values())
    assert site.figures(campaign_id) == counted
    (stopped,) = site.rows(Suppression)
    assert (stopped.value[-2:], stopped.reason, stopped.purpose) == ("93", "opted_out", "promotional")
    billed = {each.address[-2:]: each.billed for each in site.rows(Message)}
    assert billed["01"] == billed["02"] == 1
    assert billed["90"] == 0, "free"
    priced = {each.address[-2:]: each.category for each in site.rows(Message)}
    assert (priced["01"], priced["89"]) == ("marketing", "utility")
    record = site.network.api.record.summary()
    assert (record["messages"], record["duplicates"]) == (9, 0)


def test_a_lost_answer_is_settled_by_the_token_in_its_webhooks(opening: Callable[..., Site]) -> None:
    site = opening(lose_every=1)
    site.campaign(people(1, 2, 91, 98))
    site.hand_over()
    assert set(site.states().values()) == {S.UNKNOWN}
    site.hear()
    assert site.states() == {"01": S.DELIVERED, "02": S.READ, "91": S.UNDELIVERABLE, "98": S.UNKNOWN}
    assert site.network.api.record.summary()["duplicates"] == 0, "nothing is sent again"


def test_what_a_killed_worker_sent_is_unknown_until_it_is_told(opening: Callable[..., Site]) -> None:
    site = opening()
    site.campaign(people(1, 2, 98))
    desk = ServiceDesk(site.house.work, "killed", "")
    (facts,) = desk.lines()
    batch = desk.hand(facts).turn(None, (), 10).batch
    assert batch is not None

    async def send() -> None:
        provider = facts.provider(facts.settings, no_intake)
        await provider.send_batch(batch.submissions)
        await provider.close()

    asyncio.run(send())
    site.hear()
    assert set(site.states().values()) == {S.QUEUED}, "whoever sent them may still tell how it went"
    with site.house.work(AMINA) as work, guard.platform_scope(work.session, "test"):
        work.session.execute(text("UPDATE pulse_dispatch SET lease_until = now() - interval '1 second'"))
        assert recovery.leases(work) == 1
    assert set(site.states().values()) == {S.UNKNOWN}
    site.hear()
    assert site.states() == {"01": S.DELIVERED, "02": S.READ, "98": S.UNKNOWN}
    site.hand_over()
    assert site.network.api.record.summary()["duplicates"] == 0


def test_a_pressed_button_stops_and_is_confirmed_within_the_day(opening: Callable[..., Site]) -> None:
    site = opening(callers=1)  # in the order they were written
    site.campaign(people(1))
    site.hand_over()
    (person,) = people(1)
    button = {"type": "button", "button": {"payload": "STOP", "text": "Stop these messages"}}
    site.network.api.control.write(person, "", **button)
    site.network.api.control.write(person, "When do you open?")
    site.hear()
    assert [(each.body, each.is_opt_out) for each in site.rows(InboundMessage)] == [
        ("STOP", True),
        ("When do you open?", False),
    ]
    site.hand_over()
    site.hear()
    told = site.rows(Message)
    assert told[-1].body == "You will receive no more messages from us."
    assert {S(each.state) for each in told} == {S.DELIVERED}
    assert b'"type":"text"' in site.network.api.record.messages[-1]


def test_the_file_of_a_header_goes_out_with_each_message(opening: Callable[..., Site]) -> None:
    site = opening()
    with site.house.work(AMINA, site.organisation) as work:
        file = files.keep(work, "sale.png", PNG, "image/png")
    site.campaign(people(1, 2, 4), header="image", header_file=file.id)
    site.hand_over()
    site.hear()
    assert site.states() == {"01": S.DELIVERED, "02": S.READ, "04": S.READ}
    (name,) = site.network.api.media.known
    assert site.network.api.record.uploads == 1
    assert all(f'"image":{{"id":"{name}"}}'.encode() in body for body in site.network.api.record.messages)


def test_a_header_shows_only_what_whatsapp_takes(opening: Callable[..., Site]) -> None:
    site = opening()
    with site.house.work(AMINA, site.organisation) as work:
        file = files.keep(work, "sale.png", PNG, "image/png")
        for header, sentence in (("video", "no video"), ("document", "no document")):
            with pytest.raises(Refused, match=sentence):
                WhatsAppChannel().share(work, NUMBER, {**TEMPLATE, "header": header, "header_file": file.id})
        with pytest.raises(NotFound):
            WhatsAppChannel().share(work, NUMBER, {**TEMPLATE, "header": "image", "header_file": file.id + 1})


def test_no_code_is_promised_that_whatsapp_would_not_deliver(opening: Callable[..., Site]) -> None:
    site = opening()
    with site.house.work(AMINA, site.organisation) as work:
        senders.create(work, "whatsapp", "number", NUMBER, purposes=["transactional"])
        contacts.create(work, contacts.Person("Zara Khan", [("whatsapp", people(1)[0])], {}), [])
    with site.house.work(AMINA) as work:
        request = intake.submit(work, intake.Asked("access", "whatsapp", people(1)[0]))
        assert not proof.send(work, request.id)
    assert site.rows(Message) == []


def test_forged_webhooks_change_nothing(opening: Callable[..., Site]) -> None:
    site = opening()
    site.campaign(people(1))
    site.hand_over()
    site.hear()
    body = b'{"object":"whatsapp_business_account","entry":[]}'
    for headers in ({}, {"X-Hub-Signature-256": "sha256=" + "0" * 64}):
        assert site.client.post(site.path, data=body, headers=headers).status_code == 403
    query = "hub.mode=subscribe&hub.challenge=1&hub.verify_token="
    assert site.client.get(f"{site.path}?{query}wrong").status_code == 403
    answer = site.client.get(f"{site.path}?{query}trial-verify-token")
    assert (answer.status_code, answer.text) == (200, "1")
