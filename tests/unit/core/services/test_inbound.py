"""Replies: kept for whom they were written to, and obeyed at once if they say stop."""

from collections.abc import Sequence

import pytest
from sqlalchemy import select

from connectpulse.core.domain.provider import Inbound
from connectpulse.core.services import connections, inbound, records, suppressions
from connectpulse.core.storage import guard
from connectpulse.core.storage.models import AuditEntry, InboundMessage, Message, Organisation, Sender, Suppression
from connectpulse.testing import factories
from tests.unit.core.services.scene import AMINA, CHANNEL, Scene


@pytest.fixture
def connection_id(scene: Scene) -> int:
    """A connection, and a sender of the organisation people can write to."""
    scene.sender()
    return scene.connect()


def arrive(scene: Scene, connection_id: int, *messages: Inbound) -> None:
    with scene.house.work(AMINA) as work, guard.platform_scope(work.session, "test"):
        inbound.take(work, connection_id, messages)


def kept(scene: Scene) -> Sequence[InboundMessage]:
    with scene.work() as work:
        return work.session.scalars(select(InboundMessage).order_by(InboundMessage.id)).all()


def replies(scene: Scene) -> list[tuple[str, str]]:
    with scene.work() as work:
        return [(row[0], row[1]) for row in work.session.execute(select(Message.address, Message.body))]


@pytest.mark.parametrize("text", ["stop", "STOP", " Stop \n"])
def test_a_word_that_means_stop_suppresses_at_once_and_is_confirmed(
    scene: Scene, connection_id: int, text: str
) -> None:
    arrive(scene, connection_id, Inbound("p@x.org", "Amina", text))
    assert [each.is_opt_out for each in kept(scene)] == [True]
    with scene.work() as work:
        row = work.session.scalars(select(Suppression)).one()
        assert (row.value, row.channel, row.purpose, row.reason) == ("p@x.org", CHANNEL, "promotional", "opted_out")
        assert suppressions.suppressed(work, "email", ["p@x.org"], CHANNEL, ["transactional"]) == set()
        assert work.session.scalars(select(AuditEntry.verb).where(AuditEntry.verb == "suppression.created")).one()
    assert replies(scene) == [("p@x.org", "You will get no more postcards.")]


def test_stop_is_confirmed_once(scene: Scene, connection_id: int) -> None:
    for _ in range(3):
        arrive(scene, connection_id, Inbound("p@x.org", "Amina", "stop"))
    assert len(kept(scene)) == 3
    assert len(replies(scene)) == 1


def test_an_organisation_adds_words_of_its_own(scene: Scene, connection_id: int) -> None:
    with scene.house.work(AMINA) as work:
        records.find(work, Organisation, scene.organisation).opt_out_words = ["Bas Karo", "بند"]
    arrive(scene, connection_id, Inbound("a@x.org", "Amina", "bas karo"), Inbound("b@x.org", "Amina", "بند"))
    assert [each.is_opt_out for each in kept(scene)] == [True, True]


def test_other_replies_are_kept_and_answered_by_nobody(scene: Scene, connection_id: int) -> None:
    arrive(scene, connection_id, Inbound("p@x.org", "Amina", "Please do not stop\x00"))
    assert [(each.body, each.is_opt_out) for each in kept(scene)] == [("Please do not stop", False)]
    assert replies(scene) == []


def test_what_a_provider_tells_twice_is_kept_once(scene: Scene, connection_id: int) -> None:
    said = Inbound("p@x.org", "Amina", "Hello", reference="r1")
    arrive(scene, connection_id, said, said)
    arrive(scene, connection_id, said)
    assert len(kept(scene)) == 1


def test_a_reply_is_tied_to_contact_and_campaign(scene: Scene, connection_id: int) -> None:
    list_id = scene.people("p@x.org")
    with scene.work() as work:
        sender_id = work.session.scalars(select(Sender.id)).one()
    campaign_id = scene.campaign(list_id, sender_id=sender_id)
    scene.launch(campaign_id)
    arrive(scene, connection_id, Inbound("p@x.org", "Amina", "Thank you"))
    only = kept(scene)[0]
    assert only.campaign_id == campaign_id
    assert only.contact_id is not None


def test_of_several_that_share_a_sender_the_last_to_write_is_meant(scene: Scene, connection_id: int) -> None:
    other = Scene(scene.house, factories.organisation(scene.house))
    other.sender()
    arrive(scene, connection_id, Inbound("p@x.org", "Amina", "Who is this?"))
    assert (len(kept(scene)), len(kept(other))) == (0, 0)
    campaign_id = other.campaign(other.people("p@x.org"), sender_id=other.sender("promotional", value="Second"))
    other.launch(campaign_id)
    arrive(scene, connection_id, Inbound("p@x.org", "Amina", "Ah, you"))
    assert (len(kept(scene)), len(kept(other))) == (0, 1)


def test_what_belongs_to_nobody_is_kept_by_nobody(scene: Scene, connection_id: int) -> None:
    arrive(scene, connection_id, Inbound("p@x.org", "Somebody else", "stop"))
    assert kept(scene) == []


def test_a_connection_of_one_organisation_gives_it_everything(scene: Scene) -> None:
    with scene.house.work(AMINA) as work:
        own = connections.create(work, "Own", "post", {"city": "x"}, is_trial=True, organisation_id=scene.organisation)
    arrive(scene, own.id, Inbound("p@x.org", "Anybody", "Hello"))
    assert len(kept(scene)) == 1
