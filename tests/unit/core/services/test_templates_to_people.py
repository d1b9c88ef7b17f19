"""Sending a template in a conversation: which there are, how it looks, each thing in the way, and the second click."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import update

from connectpulse.core.domain.contracts import CampaignFacts, Needs, Purpose, Remarks
from connectpulse.core.domain.limits import Allowance
from connectpulse.core.domain.roles import AGENT
from connectpulse.core.errors import NotFound, Refused
from connectpulse.core.services import (
    allowances,
    connections,
    consents,
    contacts,
    records,
    senders,
    suppressions,
    templates,
)
from connectpulse.core.services.conversations import by_template, talk, threads, ways
from connectpulse.core.services.conversations.by_template import Choice, Look
from connectpulse.core.services.work import Actor
from connectpulse.core.storage.models import Dispatch, Message, Route, TemplateReview
from connectpulse.testing import factories
from tests.plugins import postcard
from tests.unit.core.services.inbox_scene import Desk, member
from tests.unit.core.services.scene import AMINA, Scene

ZARA = "zara@example.org"
APPROVED_AND_AGREED = Needs(approved_template=True, opt_in=True)


@dataclass
class Counter(Desk):
    """A desk with a template to send."""

    template_id: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        self.template_id = self.scene.template("Dear {{ first_name }}, it is ready.", "Ready")

    def look(self, **chosen: Any) -> Look:
        with self.scene.work() as work:
            return by_template.look(work, self.thread().id, self.choice(**chosen))

    def faults(self, **chosen: Any) -> str:
        return " ".join(self.look(**chosen).faults)

    def send(self, actor: Actor = AMINA, *, closes: bool = False, **chosen: Any) -> Message:
        thread_id, choice = self.thread().id, self.choice(**chosen)
        with self.scene.work(actor) as work:
            message_id = by_template.send(work, thread_id, choice, closes=closes)
        with self.scene.work() as work:
            return work.session.get_one(Message, message_id)

    def choice(self, **chosen: Any) -> Choice:
        return Choice(**({"template_id": self.template_id} | chosen))

    def offers(self, words: str = "") -> list[tuple[str, bool]]:
        with self.scene.work() as work:
            party = threads.party(work, self.thread())
            return [(each.name, each.is_ready) for each in by_template.offered(work, party, words)]

    def review(self, approval: str, reason: str = "") -> None:
        with self.scene.work() as work:
            version = templates.current(work, self.template_id)
            templates.record_approval(work, version.id, approval, "R1", reason, "utility")

    def revise(self, body: str) -> int:
        with self.scene.work() as work:
            return templates.revise(work, self.template_id, {"body": body}).id


@pytest.fixture
def desk(scene: Scene) -> Counter:
    made = Counter(scene)
    made.contact(ZARA)
    made.hears(ZARA, "Is it ready?")
    return made


@pytest.fixture
def strict(desk: Counter, monkeypatch: pytest.MonkeyPatch) -> Counter:
    """A desk whose channel asks for approved templates and consent, and takes free words within a day."""

    def needs(self: object, content: Mapping[str, Any], purpose: Purpose) -> Needs:
        is_answer = content["body"] == "Yes"
        return Needs(recent_inbound=timedelta(hours=24)) if is_answer else APPROVED_AND_AGREED

    monkeypatch.setattr(postcard.PostcardChannel, "needs", needs)
    desk.revise("Dear {{ first_name }}, it is waiting for you.")
    desk.review("approved")
    return desk


def agree(desk: Desk, purpose: str = "transactional") -> None:
    with desk.scene.work() as work:
        consents.give(work, "email", ZARA, "postcard", purpose, "form of 2026-11-01")


def test_a_template_is_sent_as_an_answer_is(desk: Counter) -> None:
    sana = member(desk.scene, "Sana", AGENT)
    message = desk.send(sana, seen=desk.thread().last_id)
    assert (message.address, message.sender, message.body) == (ZARA, "Helpdesk", "Dear Zara, it is ready.")
    with desk.scene.work() as work:
        dispatch = records.find(work, Dispatch, message.dispatch_id or 0)
    assert (dispatch.connection_id, dispatch.purpose) == (desk.connection_id, "transactional")
    thread = desk.thread()
    assert (thread.assigned_to, thread.answer_id, thread.answered_by) == (sana.id, message.id, sana.id)
    assert (thread.state, thread.unread, thread.waiting_since) == ("open", 0, None)
    assert [each.body for each in desk.said() if isinstance(each, talk.Said)] == ["Is it ready?", message.body]
    assert desk.verbs() == ["thread.template_sent"]


def test_it_may_be_the_last_word_and_the_first(scene: Scene) -> None:
    desk = Counter(scene)
    contact_id = desk.contact(ZARA)
    with scene.work() as work:
        threads.begin(work, contact_id)
    assert desk.send(closes=True).contact_id == contact_id
    assert desk.thread().state == "done"
    assert desk.verbs() == ["thread.begun", "thread.template_sent", "thread.done"]


def test_a_second_click_sends_nothing(desk: Counter) -> None:
    seen = desk.thread().last_id
    desk.send(seen=seen)
    with pytest.raises(Refused, match="You answered a moment ago"):
        desk.send(seen=seen)
    seen = desk.thread().last_id
    desk.hears(ZARA, "Hello?")
    with pytest.raises(Refused, match="They wrote again"):
        desk.send(seen=seen)
    assert len([each for each in desk.said() if isinstance(each, talk.Said) and each.is_ours]) == 1


def test_what_was_not_looked_at_is_not_sent(desk: Counter) -> None:
    looked_at = desk.look().version.id
    desk.revise("Dear {{ first_name }}, it is lost.")
    with pytest.raises(Refused, match="not what you looked at"):
        desk.send(version_id=looked_at)
    assert desk.send(version_id=desk.look().version.id).body == "Dear Zara, it is lost."


def test_the_look_is_for_this_person(desk: Counter) -> None:
    look = desk.look()
    assert (look.text, look.sender, look.way.address, look.faults) == ("Dear Zara, it is ready.", "Helpdesk", ZARA, [])
    assert dict(look.preview.figures)["Characters"] == str(len(look.text))
    assert desk.look(way="fax 5", sender="Nobody").sender == "Helpdesk"
    with pytest.raises(Refused, match="This way to the person is gone"):
        desk.send(way="fax 5")
    with pytest.raises(Refused, match="Choose a sender"):
        desk.send(sender="Nobody")


def test_templates_are_found_by_the_beginning_of_their_names(desk: Counter) -> None:
    old = desk.scene.template("Old", "Ready for nothing")
    desk.scene.template("Welcome", "Welcome")
    with desk.scene.work() as work:
        templates.archive(work, old)
    assert desk.offers() == [("Welcome", True), ("Ready", True)]
    assert desk.offers("rea") == [("Ready", True)]
    with pytest.raises(Refused, match="template is gone"):
        desk.look(template_id=old)
    with pytest.raises(Refused, match="template is gone"):
        desk.send(template_id=999_999)


def test_a_person_of_other_addresses_is_offered_none(scene: Scene) -> None:
    desk = Counter(scene)
    with scene.work() as work:
        contact = contacts.create(work, contacts.Person("Omar", [("phone", "+923001234567")], {}))
        thread_id = threads.begin(work, contact.id).id
    assert desk.offers() == []
    with pytest.raises(Refused, match="fits no address"), scene.work() as work:
        by_template.send(work, thread_id, desk.choice())


def test_another_organisation_sees_nothing(desk: Counter) -> None:
    thread_id, other = desk.thread().id, factories.organisation(desk.scene.house, "Other")
    with desk.scene.house.work(AMINA, other) as work:
        for verb in (by_template.look, by_template.send):
            with pytest.raises(NotFound):
                verb(work, thread_id, desk.choice())
        with pytest.raises(NotFound):
            by_template.document(work, thread_id, desk.template_id)
        contact = contacts.create(work, contacts.Person("Omar", [("email", "omar@example.org")], {}))
        theirs = threads.begin(work, contact.id).id
        assert by_template.offered(work, threads.party_of(contact)) == []
        with pytest.raises(Refused, match="template is gone"):
            by_template.send(work, theirs, desk.choice())


# --- what is in the way


def test_consent_is_asked_for_as_in_a_campaign(strict: Counter) -> None:
    agree(strict, "promotional")
    assert "has not agreed to transactional messages" in strict.faults()
    with pytest.raises(Refused, match="record it under Consents"):
        strict.send()
    agree(strict)
    assert strict.faults() == ""
    message = strict.send()
    assert (message.body, message.category) == ("Dear Zara, it is waiting for you.", "utility")


def test_a_template_goes_where_free_words_may_not(strict: Counter) -> None:
    agree(strict)
    strict.scene.at(strict.scene.house.clock() + timedelta(hours=25))
    with strict.scene.work() as work:
        thread = strict.thread()
        (way,) = ways.found(work, thread, threads.party(work, thread))
    assert "use an approved template" in way.obstacles[0]
    assert strict.send().address == ZARA


def test_only_an_approved_version_is_sent(strict: Counter) -> None:
    agree(strict)
    strict.revise("Dear {{ first_name }}, buy more.")
    assert strict.offers() == [("Ready", True)]
    assert strict.send().body == "Dear Zara, it is waiting for you."


@pytest.mark.parametrize(
    ("approval", "fault"), [("pending", "has not approved this template yet"), ("rejected", "Too loud Choose another")]
)
def test_what_is_not_approved_says_so(strict: Counter, approval: str, fault: str) -> None:
    agree(strict)
    with strict.scene.work() as work:
        made = templates.create(work, "New", "postcard", {"body": "BUY"})
        templates.record_approval(work, templates.current(work, made.id).id, approval, "R2", "Too loud")
    assert ("New", False) in strict.offers()
    assert fault in strict.faults(template_id=made.id)
    with pytest.raises(Refused, match=fault):
        strict.send(template_id=made.id)


def test_it_takes_only_connections_that_approved_it(strict: Counter) -> None:
    agree(strict)
    with strict.scene.work() as work:
        version = templates.current(work, strict.template_id)
        work.session.add(TemplateReview(version_id=version.id, connection_id=strict.connection_id, state="rejected"))
    assert "has approved this template" in strict.faults()
    with pytest.raises(Refused, match="No connection that carries Postcard messages"):
        strict.send()
    other = strict.scene.connect("Courier")
    message = strict.send()
    with strict.scene.work() as work:
        dispatch = records.find(work, Dispatch, message.dispatch_id or 0)
    assert (dispatch.connection_id, dispatch.alternatives) == (other, [])


def test_what_the_person_lacks_is_named(desk: Counter) -> None:
    template_id = desk.scene.template("Dear {{ first_name }}, {{ name | default('friend') }}", "Short")
    desk.hears("omar@example.org", "Hello")
    thread_id = desk.threads()[1].id
    with desk.scene.work() as work:
        look = by_template.look(work, thread_id, Choice(template_id))
    assert look.text == "Dear {{ first_name }}, friend"
    assert look.faults == [
        "{{ first_name }} is not known of this person: add them to the contacts first, or choose another template."
    ]


def test_suppressed_and_restricted_people_get_none(desk: Counter) -> None:
    with desk.scene.work() as work:
        suppressions.add(work, "email", ZARA, reason="operator", source="test")
        contacts.restrict(work, desk.thread().contact_id or 0, True)
    assert "lift that under Suppressions" in desk.faults()
    assert "lifted on the contact's page" in desk.faults()
    with pytest.raises(Refused, match="is suppressed"):
        desk.send()


def test_who_stopped_promotions_gets_no_template_that_may_be_one(
    desk: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    with desk.scene.work() as work:
        suppressions.add(work, "email", ZARA, reason="opted_out", source="reply", purpose="promotional")
    assert "gets no promotions any more, and this template may be one" in desk.faults()
    with pytest.raises(Refused, match="gets no promotions"):
        desk.send()
    monkeypatch.setattr(postcard.PostcardChannel, "category", lambda *_: "utility")
    assert desk.faults() == "", "a channel with categories tells promotions apart by itself"


def test_without_a_sender_or_a_route_it_says_so(desk: Counter) -> None:
    with desk.scene.work() as work:
        (sender,) = senders.usable(work, "postcard")
        senders.change(
            work, sender.id, purposes=["promotional"], valid_until=None, opt_out_hint="", approvals=(), is_active=True
        )
    assert "not approved for transactional" in desk.faults()
    desk.scene.sender("transactional", value="Another")
    assert desk.faults() == ""
    with desk.scene.house.work(AMINA) as work:
        work.session.execute(update(Route).values(is_active=False))
    assert "No route carries Postcard messages" in desk.faults()
    with pytest.raises(Refused, match="A platform administrator has to add one"):
        desk.send()


def test_rules_and_remarks_of_the_channel_hold(desk: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    def remarks(self: object, work: Any, facts: CampaignFacts) -> Remarks:
        return Remarks((f"{facts.sender} is not proven.",), ("It may be slow.",))

    monkeypatch.setattr(postcard.PostcardChannel, "objections", lambda self, facts: ["It says stop."])
    monkeypatch.setattr(postcard.PostcardChannel, "remarks", remarks)
    look = desk.look()
    assert look.faults == ["It says stop.", "Helpdesk is not proven."]
    assert "It may be slow." in look.preview.warnings
    with pytest.raises(Refused, match="It says stop"):
        desk.send()


def test_what_cannot_be_paid_is_told_before(desk: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = desk.scene.house.registry.ledger
    monkeypatch.setattr(type(ledger), "is_metered", True)
    monkeypatch.setattr(type(ledger), "balance", lambda self, work, organisation_id: Decimal(2))
    assert dict(desk.look().preview.figures)["Units"] == "1"
    monkeypatch.setattr(type(ledger), "balance", lambda self, work, organisation_id: Decimal(0))
    assert "It takes 1 units, and 0 are left" in desk.faults()


def test_a_channel_that_is_not_included_says_so(desk: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(allowances, "of", lambda work, organisation_id: Allowance(frozenset(), because="Ask for more."))
    assert desk.faults() == "Postcard is not included. Ask for more."
    with pytest.raises(Refused, match="not included"):
        desk.send()


def test_an_agreement_that_lacks_is_named(desk: Counter) -> None:
    with desk.scene.house.work(AMINA) as work:
        connections.change(work, desk.connection_id, "Post", {"city": "Lahore"}, connections.Limits(), is_trial=False)
    assert "Post" in desk.faults()
