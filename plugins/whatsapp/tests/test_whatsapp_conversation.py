"""A template to one person on WhatsApp, from their conversation: through the house, the simulator, and back."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from connectpulse_whatsapp.simulator.options import NUMBER
from whatsapp_scene import TEMPLATE
from whatsapp_site import Site, opener, people

from connectpulse.core.api import Refused
from connectpulse.core.domain.message import MessageState
from connectpulse.core.services import consents, contacts, senders, templates
from connectpulse.core.services.conversations import by_template, threads, ways
from connectpulse.core.services.conversations.by_template import Choice, Look
from connectpulse.core.storage.models import Message
from connectpulse.house import House
from connectpulse.testing.factories import ADMINISTRATOR as AMINA

(ZARA,) = people(1)
READY = TEMPLATE | {"category": "utility", "body": "Dear {{ first_name }}, your parcel is here.", "footer": ""}


@pytest.fixture
def opening(house: House, organisation: int) -> Iterator[Callable[..., Site]]:
    with opener(house, organisation) as opening:
        yield opening


class Talk:
    """A conversation with somebody who never wrote, and a template that is submitted and not decided about."""

    def __init__(self, site: Site) -> None:
        self.site = site
        with site.house.work(AMINA, site.organisation) as work:
            person = contacts.create(work, contacts.Person("Zara Khan", [("whatsapp", ZARA)], {}))
            senders.create(work, "whatsapp", "number", NUMBER, purposes=["transactional"])
            self.template_id = templates.create(work, "Parcel", "whatsapp", READY).id
            self.thread_id = threads.begin(work, person.id).id
        site.run_jobs()

    def look(self) -> Look:
        with self.site.house.work(AMINA, self.site.organisation) as work:
            return by_template.look(work, self.thread_id, Choice(self.template_id))

    def send(self) -> None:
        with self.site.house.work(AMINA, self.site.organisation) as work:
            by_template.send(work, self.thread_id, Choice(self.template_id))

    def bars(self) -> str:
        """Return what keeps free words from the person."""
        with self.site.house.work(AMINA, self.site.organisation) as work:
            thread = threads.find(work, self.thread_id)
            (way,) = ways.found(work, thread, threads.party(work, thread))
            return " ".join(way.obstacles)

    def approve(self) -> None:
        (known,) = self.site.network.api.templates.known
        self.site.network.api.templates.decide(known, "APPROVED", "NONE")
        self.site.hear()

    def agree(self) -> None:
        with self.site.house.work(AMINA, self.site.organisation) as work:
            consents.give(work, "whatsapp", ZARA, "whatsapp", "transactional", "form of 2026-11-01")


def test_a_template_begins_a_conversation(opening: Callable[..., Site]) -> None:
    site = opening(review_after=3600.0)
    talk = Talk(site)
    assert "in the last 24 hours" in talk.bars()
    assert [each.split(".")[0] for each in talk.look().faults] == [
        "The provider has not approved this template yet",
        f"{ZARA} has not agreed to transactional messages",
        f"No connection that carries WhatsApp messages to {ZARA} has approved this template",
    ]
    with pytest.raises(Refused, match="not approved"):
        talk.send()
    talk.approve()
    talk.agree()
    look = talk.look()
    assert (look.faults, dict(look.preview.figures)["Billed as"]) == ([], "utility")
    with site.house.work(AMINA, site.organisation) as work:
        assert "Dear Zara, your parcel is here." in by_template.document(work, talk.thread_id, talk.template_id)
    talk.send()
    site.hand_over()
    site.hear()
    (message,) = site.rows(Message)
    assert (MessageState(message.state), message.category) == (MessageState.DELIVERED, "utility")
    assert b'"type":"template"' in site.network.api.record.messages[-1]
    assert b'"text":"Zara"' in site.network.api.record.messages[-1]


def test_it_goes_on_after_the_day_is_over(opening: Callable[..., Site]) -> None:
    site = opening()
    talk = Talk(site)
    site.run_jobs()
    talk.agree()
    site.network.api.control.write(ZARA, "Is it here?")
    site.hear()
    assert talk.bars() == ""
    now = site.house.clock() + timedelta(hours=25)
    site.house.clock = lambda: now
    assert "use an approved template" in talk.bars()
    look = talk.look()
    assert (look.faults, look.sender, look.way.back) == ([], NUMBER, site.connection)
    talk.send()
    assert site.rows(Message)[-1].body == "Dear Zara, your parcel is here."
