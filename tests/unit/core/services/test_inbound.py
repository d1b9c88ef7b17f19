"""Replies: kept for whom they were written to, and obeyed at once if they say stop."""

from collections.abc import Sequence

import pytest
from sqlalchemy import select, text

from connectpulse.core.domain.contracts import Measure, Pricer, Tariff, Unpriced
from connectpulse.core.domain.limits import Allowance, Limit
from connectpulse.core.domain.pricing import Price
from connectpulse.core.domain.provider import Inbound
from connectpulse.core.errors import Refused
from connectpulse.core.services import connections, inbound, records, senders, suppressions
from connectpulse.core.services.ledger import UnmeteredLedger
from connectpulse.core.services.work import Work
from connectpulse.core.storage import guard
from connectpulse.core.storage.models import (
    ANY,
    AuditEntry,
    InboundMessage,
    Message,
    Organisation,
    Sender,
    StrayMessage,
    Suppression,
)
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
        assert (row.value, row.channel, row.purpose, row.reason) == ("p@x.org", ANY, "promotional", "opted_out")
        assert suppressions.suppressed(work, "email", ["p@x.org"], CHANNEL, ["transactional"]) == set()
        assert work.session.scalars(select(AuditEntry.verb).where(AuditEntry.verb == "suppression.created")).one()
    assert replies(scene) == [("p@x.org", "You will get no more postcards.")]


def test_stop_is_confirmed_once(scene: Scene, connection_id: int) -> None:
    for _ in range(3):
        arrive(scene, connection_id, Inbound("p@x.org", "Amina", "stop"))
    assert len(kept(scene)) == 3
    assert len(replies(scene)) == 1


def test_stop_is_confirmed_whatever_the_plan_includes(scene: Scene, connection_id: int) -> None:
    unpaid = Allowance(frozenset(), because="Your subscription is unpaid.")
    scene.house.registry.limits["acme_plan"] = Limit("acme_plan", lambda work, organisation_id: unpaid)
    arrive(scene, connection_id, Inbound("p@x.org", "Amina", "stop"))
    assert replies(scene) == [("p@x.org", "You will get no more postcards.")]


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


def strays(scene: Scene) -> list[tuple[str, bool, int]]:
    with scene.house.work(AMINA) as work:
        return [(each.body, each.is_opt_out, each.owners) for each in work.session.scalars(select(StrayMessage))]


def stopped(scene: Scene) -> set[str]:
    with scene.work() as work:
        return set(work.session.scalars(select(Suppression.value)))


def test_what_belongs_to_nobody_is_kept_for_the_platform(scene: Scene, connection_id: int) -> None:
    said = Inbound("p@x.org", "Somebody else", "stop", reference="r7")
    arrive(scene, connection_id, said)
    arrive(scene, connection_id, said)
    assert kept(scene) == []
    assert strays(scene) == [("stop", True, 0)]
    assert stopped(scene) == set()


def test_a_stop_to_nobodys_number_holds_for_those_who_wrote_over_that_connection(
    scene: Scene, connection_id: int
) -> None:
    other = Scene(scene.house, factories.organisation(scene.house))
    third = Scene(scene.house, factories.organisation(scene.house))
    for each in (scene, other):
        each.launch(each.campaign(each.people("p@x.org"), sender_id=each.sender("promotional", value="Mask")))
    with scene.house.work(AMINA) as work:
        work.session.execute(text("UPDATE pulse_message SET connection_id = :id"), {"id": connection_id})
    arrive(scene, connection_id, Inbound("p@x.org", "8558", "stop"))
    assert [stopped(each) for each in (scene, other, third)] == [{"p@x.org"}, {"p@x.org"}, set()]
    assert strays(scene) == [("stop", True, 2)]


def test_a_stop_to_a_sender_that_several_share_holds_for_all_of_them(scene: Scene, connection_id: int) -> None:
    other = Scene(scene.house, factories.organisation(scene.house))
    other.sender()
    arrive(scene, connection_id, Inbound("p@x.org", "Amina", "stop"), Inbound("q@x.org", "Amina", "Hello"))
    assert stopped(scene) == stopped(other) == {"p@x.org"}
    assert strays(scene) == [("stop", True, 2), ("Hello", False, 2)]
    assert replies(scene) == replies(other) == []


def hinted(scene: Scene, value: str, hint: str) -> None:
    with scene.work() as work:
        senders.create(work, CHANNEL, "name", value, purposes=["promotional"], opt_out_hint=hint)


def test_the_code_a_hint_names_leads_to_its_organisation(scene: Scene, connection_id: int) -> None:
    hinted(scene, "Acme", "Send STOP to 8558.")
    arrive(scene, connection_id, Inbound("p@x.org", "8558", "stop"), Inbound("q@x.org", "85", "stop"))
    assert stopped(scene) == {"p@x.org"}
    assert len(kept(scene)) == 1


def test_a_keyword_tells_apart_who_shares_a_code(scene: Scene, connection_id: int) -> None:
    other = Scene(scene.house, factories.organisation(scene.house))
    hinted(scene, "Acme", "Send STOP ACME to 8558")
    hinted(other, "Beta", "Send STOP BETA to 8558")
    arrive(scene, connection_id, Inbound("p@x.org", "+8558", " Stop  beta "))
    assert (stopped(scene), stopped(other)) == (set(), {"p@x.org"})


def test_a_hint_of_others_takes_nothing_from_whose_sender_was_written_to(scene: Scene, connection_id: int) -> None:
    other = Scene(scene.house, factories.organisation(scene.house))
    scene.launch(scene.campaign(scene.people("p@x.org"), sender_id=scene.sender("promotional", value="8558")))
    hinted(other, "Beta", "Yes, no, ok: reply STOP to 8558")
    other.launch(other.campaign(other.people("p@x.org"), sender_id=other.sender("promotional", value="Gamma")))
    arrive(scene, connection_id, Inbound("p@x.org", "8558", "Yes"), Inbound("p@x.org", "8558", "STOP"))
    arrive(scene, connection_id, Inbound("q@x.org", "8558", "Hello"))
    assert [each.body for each in kept(scene)] == ["Yes", "STOP", "Hello"]
    assert (kept(other), stopped(scene), stopped(other)) == ([], {"p@x.org"}, set())


def test_a_sender_is_known_however_it_is_written(scene: Scene, connection_id: int) -> None:
    scene.sender("promotional", value="Acme News <News@Bücher.Example>")
    for number, shown in enumerate(("news@bücher.example", "NEWS@xn--bcher-kva.example")):
        arrive(scene, connection_id, Inbound(f"p{number}@x.org", shown, "stop"))
    assert stopped(scene) == {"p0@x.org", "p1@x.org"}


def test_a_mask_is_a_keyword_of_its_own(scene: Scene, connection_id: int) -> None:
    other = Scene(scene.house, factories.organisation(scene.house))
    hinted(scene, "Acme", "8558")
    hinted(other, "Beta", "8558")
    arrive(scene, connection_id, Inbound("p@x.org", "8558", "STOP beta"), Inbound("q@x.org", "8558", "stop gamma"))
    assert (stopped(scene), stopped(other)) == (set(), {"p@x.org"})
    assert strays(scene) == [("stop gamma", False, 2)]


def test_a_private_connection_knows_its_keywords_as_well(scene: Scene) -> None:
    hinted(scene, "Acme", "Send STOP ACME to 8558")
    with scene.house.work(AMINA) as work:
        own = connections.create(work, "Own", "post", {"city": "x"}, organisation_id=scene.organisation)
    arrive(scene, own.id, Inbound("p@x.org", "8558", "Stop Acme"), Inbound("q@x.org", "8558", "Stop everything"))
    assert stopped(scene) == {"p@x.org"}


def test_a_confirmation_that_cannot_be_priced_undoes_nothing(
    scene: Scene, connection_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unpriced(self: UnmeteredLedger, work: Work, tariff: Tariff) -> Pricer:
        def price(address: str, measure: Measure) -> Price:
            raise Unpriced("+92")

        return price

    monkeypatch.setattr(UnmeteredLedger, "pricer", unpriced)
    arrive(scene, connection_id, Inbound("p@x.org", "Amina", "stop"), Inbound("q@x.org", "Amina", "stop"))
    assert stopped(scene) == {"p@x.org", "q@x.org"}
    assert replies(scene) == []


def test_a_ledger_that_refuses_the_confirmation_undoes_nothing(
    scene: Scene, connection_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: UnmeteredLedger, *given: object, **day: object) -> None:
        raise Refused("0.25 units are missing.")

    monkeypatch.setattr(UnmeteredLedger, "reserve", refuse)
    arrive(scene, connection_id, Inbound("p@x.org", "Amina", "stop"))
    assert stopped(scene) == {"p@x.org"}


def test_an_organisation_says_which_words_mean_stop_and_how_it_confirms(scene: Scene, connection_id: int) -> None:
    with scene.house.work(AMINA) as work:
        ours = records.find(work, Organisation, scene.organisation)
        ours.opt_out_words, ours.replaces_opt_out_words = ["Bas"], True
        ours.opt_out_replies = {"en": "Done.", "ur": "ٹھیک ہے۔"}
    arrive(scene, connection_id, Inbound("p@x.org", "Amina", "stop"), Inbound("q@x.org", "Amina", "bas"))
    assert stopped(scene) == {"q@x.org"}
    assert replies(scene) == [("q@x.org", "Done.")]
    with scene.house.work(AMINA) as work:
        records.find(work, Organisation, scene.organisation).opt_out_words = ["بس"]
    arrive(scene, connection_id, Inbound("r@x.org", "Amina", "بس"))
    assert replies(scene)[-1] == ("r@x.org", "ٹھیک ہے۔")


def test_a_connection_of_one_organisation_gives_it_everything(scene: Scene) -> None:
    with scene.house.work(AMINA) as work:
        own = connections.create(work, "Own", "post", {"city": "x"}, is_trial=True, organisation_id=scene.organisation)
    arrive(scene, own.id, Inbound("p@x.org", "Anybody", "Hello"))
    assert len(kept(scene)) == 1
