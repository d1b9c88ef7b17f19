"""Answering people: over which ways, what is in the way, who was quicker, and canned answers."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from sqlalchemy import text

from connectpulse.core.domain.contracts import Needs
from connectpulse.core.domain.roles import AGENT
from connectpulse.core.errors import Refused
from connectpulse.core.services import contacts, records, suppressions
from connectpulse.core.services.conversations import answering, canned, talk, threads, ways
from connectpulse.core.services.conversations.answering import Draft
from connectpulse.core.services.work import Actor
from connectpulse.core.storage.models import Contact, Dispatch
from tests.plugins import postcard
from tests.unit.core.services.inbox_scene import Desk, member
from tests.unit.core.services.scene import AMINA, Scene

ZARA = "zara@example.org"


@pytest.fixture
def desk(scene: Scene) -> Desk:
    return Desk(scene)


def test_an_answer_goes_back_the_way_the_question_came(desk: Desk) -> None:
    desk.scene.sender("transactional", value="Another")
    contact_id = desk.contact(ZARA)
    desk.hears(ZARA, "When do you open?")
    message = desk.answer("At nine, {{ first_name }}.")
    assert (message.address, message.sender, message.body) == (ZARA, "Helpdesk", "At nine, Zara.")
    assert message.contact_id == contact_id
    with desk.scene.work() as work:
        dispatch = records.find(work, Dispatch, message.dispatch_id or 0)
        assert (dispatch.connection_id, dispatch.alternatives, dispatch.purpose) == (
            desk.connection_id, [], "transactional",
        )  # fmt: skip
    thread = desk.thread()
    assert (thread.last_id, thread.answer_id, thread.unread, thread.waiting_since) == (message.id, message.id, 0, None)
    assert (thread.state, thread.answered_by) == ("open", AMINA.id)
    assert [(each.is_ours, each.body) for each in desk.said() if isinstance(each, talk.Said)] == [
        (False, "When do you open?"), (True, "At nine, Zara."),
    ]  # fmt: skip
    assert desk.verbs() == ["thread.answered"]


def test_as_another_sender_an_answer_takes_a_route(desk: Desk) -> None:
    desk.scene.sender("transactional", value="Another")
    desk.hears(ZARA, "Hello")
    assert desk.answer("Hello", sender="Another").sender == "Another"
    with pytest.raises(Refused, match="Choose a sender"):
        desk.answer("Hello", sender="Somebody")


def test_whoever_is_quicker_answers(desk: Desk) -> None:
    sana, omar = member(desk.scene, "Sana", AGENT), member(desk.scene, "Omar", AGENT)
    desk.hears(ZARA, "Hello?")
    seen = desk.thread().last_id
    desk.answer("Good morning", sana, seen=seen)
    with pytest.raises(Refused, match="Sana Tester answered a moment ago"):
        desk.answer("Good evening", omar, seen=seen)
    with pytest.raises(Refused, match="You answered a moment ago"):
        desk.answer("Good morning", sana, seen=seen)
    assert desk.thread().assigned_to == sana.id
    answered = desk.thread().last_id
    desk.hears(ZARA, "Are you sure?")
    with pytest.raises(Refused, match="They wrote again a moment ago"), desk.scene.work(omar) as work:
        threads.finish(work, desk.thread().id, answered)
    with pytest.raises(Refused, match="They wrote again"):
        desk.answer("Yes", omar, seen=answered)
    desk.answer("Yes", omar, seen=desk.thread().last_id)
    assert desk.thread().assigned_to == sana.id


def test_two_answers_at_the_same_moment_become_one(desk: Desk) -> None:
    desk.hears(ZARA, "Hello?")
    thread, together = desk.thread(), Barrier(2)

    def go(name: str) -> str:
        together.wait(10)
        try:
            with desk.scene.work(Actor("user", name, len(name))) as work:
                answering.answer(work, thread.id, Draft(f"I am {name}", seen=thread.last_id))
        except Refused as refusal:
            return str(refusal)
        return ""

    with ThreadPoolExecutor(2) as pool:
        told = sorted(pool.map(go, ["Sana", "Omar F."]))
    assert told[0] == ""
    assert "answered a moment ago" in told[1]
    assert len([each for each in desk.said() if isinstance(each, talk.Said) and each.is_ours]) == 1


def test_an_answer_may_be_the_last_word(desk: Desk) -> None:
    desk.hears(ZARA, "Thanks!")
    desk.answer("Welcome", closes=True)
    assert desk.thread().state == "done"
    assert desk.verbs() == ["thread.answered", "thread.done"]


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        ("  ", "please write something"),
        ("Dear {{ nickname }}", "nickname is unknown"),
        ("Dear {{ first_name }}", "not known of this person"),
        ("Pay with 4111 1111 1111 1111", "card"),
    ],
)
def test_what_cannot_be_sent_says_why(desk: Desk, said: str, fault: str) -> None:
    desk.hears(ZARA, "Hello")
    with pytest.raises(Refused, match=fault):
        desk.answer(said)
    assert desk.said()[-1].is_ours is False  # type: ignore[union-attr]


def obstacles(desk: Desk) -> str:
    with desk.scene.work() as work:
        thread = desk.thread()
        (way,) = ways.found(work, thread, threads.party(work, thread))
        return " ".join(way.obstacles)


def test_a_name_cannot_be_answered_and_that_is_said_in_words(desk: Desk) -> None:
    desk.hears("BANK-ALERT", "Your balance is low")
    assert "BANK-ALERT is a name and no address" in obstacles(desk)
    with pytest.raises(Refused, match="nobody can answer it"):
        desk.answer("Who is this?")


def test_what_must_not_be_sent_is_not(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    contact_id = desk.contact(ZARA)
    desk.hears(ZARA, "stop")
    assert obstacles(desk) == ""  # who wants no promotions is answered what they ask
    with desk.scene.work() as work:
        contacts.restrict(work, contact_id, True)
    assert "restricted" in obstacles(desk)
    with desk.scene.work() as work:
        contacts.restrict(work, contact_id, False)
        suppressions.add(work, "email", ZARA, reason="operator", source="test")
    assert "is suppressed" in obstacles(desk)
    with pytest.raises(Refused, match="is suppressed"):
        desk.answer("Hello")


def test_a_time_to_answer_within_holds(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    needs = Needs(recent_inbound=timedelta(hours=24))
    monkeypatch.setattr(postcard.PostcardChannel, "needs", lambda self, content, purpose: needs)
    desk.hears(ZARA, "Hello")
    assert obstacles(desk) == ""
    now = desk.scene.house.clock() + timedelta(hours=25)
    desk.scene.at(now)
    assert "in the last 24 hours" in obstacles(desk)


def test_a_time_to_answer_within_is_of_who_was_written_to(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    needs = Needs(recent_inbound=timedelta(hours=24))
    monkeypatch.setattr(postcard.PostcardChannel, "needs", lambda self, content, purpose: needs)
    desk.scene.sender("transactional", value="Branch")
    desk.contact(ZARA, "z.khan@example.org")
    desk.hears(ZARA, "Hello", to="Branch")
    desk.hears("z.khan@example.org", "Hello again", to="Helpdesk")
    with desk.scene.work() as work:
        thread = desk.thread()
        found = ways.found(work, thread, threads.party(work, thread))
    assert {way.address: (list(way.identities), list(way.obstacles)) for way in found} == {
        ZARA: (["Branch"], []), "z.khan@example.org": (["Helpdesk"], []),
    }  # fmt: skip
    with pytest.raises(Refused, match="Choose a sender"):
        desk.answer("Hi", way=f"{found[0].key}", sender="Branch")


def test_an_answer_knows_what_was_answered(desk: Desk) -> None:
    people, sender = desk.scene.people(ZARA), desk.scene.sender("promotional", value="News")
    for number, body in enumerate(("Spring sale", "Your invoice")):
        template = desk.scene.template(body, f"Template {number}")
        desk.scene.launch(desk.scene.campaign(people, name=body, template_id=template, sender_id=sender))
        with desk.scene.work() as work:
            work.session.execute(text("UPDATE pulse_message SET state = 3"))
        if not number:
            desk.hears(ZARA, "Until when?", to="News")
    with desk.scene.work() as work:
        thread = desk.thread()
        assert ways.found(work, thread, threads.party(work, thread))[0].about == "Spring sale"


def test_without_a_sender_for_it_nothing_is_answered(scene: Scene) -> None:
    desk = Desk(scene, purposes=("promotional",))
    desk.hears(ZARA, "Hello")
    assert "not approved for transactional" in obstacles(desk)


def test_the_look_of_an_answer_tells_figures_and_faults(desk: Desk) -> None:
    desk.hears(ZARA, "Hello")
    with desk.scene.work() as work:
        good = answering.look(work, desk.thread().id, Draft("Good morning"))
        bad = answering.look(work, desk.thread().id, Draft("Dear {{ first_name }}"))
        gone = answering.look(work, desk.thread().id, Draft("Hello", way="fax 5"))
    assert (dict(good.preview.figures)["Characters"], good.faults) == ("12", [])
    assert "first_name" in bad.faults[0]
    assert "gone" in gone.faults[0]


def test_who_never_wrote_can_be_written_to(desk: Desk) -> None:
    contact_id = desk.contact(ZARA)
    with desk.scene.work() as work:
        made = threads.begin(work, contact_id).id
        assert threads.begin(work, contact_id).id == made
    assert desk.answer("Hello Zara").address == ZARA
    assert desk.verbs() == ["thread.begun", "thread.answered"]


def test_a_canned_answer_is_filled_in_for_whoever_is_answered(desk: Desk) -> None:
    contact_id = desk.contact(ZARA)
    with desk.scene.work() as work:
        row = canned.create(work, "Hours", "", "Dear {{ first_name }}, {{ name | default('friend') }}: nine to five.")
        known = threads.party_of(work.session.get(Contact, contact_id))
        stranger = threads.Party(None, [("email", "x@example.org")])
        assert canned.offered(work, known)[0].text == "Dear Zara, Zara Khan: nine to five."
        assert canned.offered(work, stranger)[0].text == "Dear {{ first_name }}, friend: nine to five."
        canned.change(work, row.id, "Opening hours", "postcard", "Nine to five.")
    with pytest.raises(Refused, match="like this already"), desk.scene.work() as work:
        canned.create(work, "Opening hours", "", "x")
    with desk.scene.work() as work:
        for title, channel, body in (("A", "fax", "x"), ("A", "", " "), ("A", "", "{{ nickname }}"), ("A", "", "{{")):
            with pytest.raises(Refused):
                canned.create(work, title, channel, body)
    assert desk.verbs() == ["canned_answer.created", "canned_answer.updated"]
