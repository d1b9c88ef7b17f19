"""Conversations: found and begun by what people write, taken, answered and done by those who answer."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from sqlalchemy import select, text

from connectpulse.core.domain.contracts import Needs
from connectpulse.core.domain.roles import AGENT
from connectpulse.core.errors import NotFound, Refused
from connectpulse.core.services import contacts, records, suppressions
from connectpulse.core.services.conversations import answering, canned, listing, talk, threads, ways
from connectpulse.core.services.conversations.answering import Draft
from connectpulse.core.services.work import Actor
from connectpulse.core.storage.models import AuditEntry, Contact, Dispatch
from connectpulse.testing import factories
from tests.plugins import postcard
from tests.unit.core.services.inbox_scene import Desk, member
from tests.unit.core.services.scene import AMINA, Scene

ZARA = "zara@example.org"


@pytest.fixture
def desk(scene: Scene) -> Desk:
    return Desk(scene)


def verbs(scene: Scene) -> list[str]:
    with scene.work() as work:
        found = work.session.scalars(select(AuditEntry.verb).order_by(AuditEntry.id))
        return [each for each in found if each.startswith(("thread.", "canned_answer."))]


# --- arriving


def test_what_people_write_is_one_conversation_with_each(desk: Desk) -> None:
    desk.hears(ZARA, "Hello?")
    desk.hears("omar@example.org", "Is it open?")
    desk.hears(ZARA, "Anybody there?")
    assert [(t.address, t.unread, t.state) for t in desk.threads()] == [("omar@example.org", 1, "open"), (ZARA, 2, "open")]
    assert [(line.address, line.snippet) for line in desk.lines()] == [
        (ZARA, "Anybody there?"), ("omar@example.org", "Is it open?"),
    ]  # fmt: skip


def test_a_contact_has_one_conversation_over_all_addresses(desk: Desk) -> None:
    contact_id = desk.contact(ZARA, "z.khan@example.org")
    desk.hears(ZARA, "From home")
    desk.hears("z.khan@example.org", "From work")
    thread = desk.thread()
    assert (thread.contact_id, thread.address, thread.unread) == (contact_id, "z.khan@example.org", 2)
    assert desk.lines()[0].name == "Zara Khan"


def test_a_stranger_who_becomes_a_contact_keeps_the_conversation(desk: Desk) -> None:
    desk.hears(ZARA, "Who are you?")
    contact_id = desk.contact(ZARA)
    assert [(line.name, line.contact_id) for line in desk.lines()] == [("Zara Khan", contact_id)]
    desk.hears(ZARA, "I see")
    assert (desk.thread().contact_id, desk.thread().unread) == (contact_id, 2)


def test_two_conversations_of_one_person_become_one_that_still_waits(desk: Desk) -> None:
    contact_id = desk.contact(ZARA)
    desk.hears(ZARA, "First")
    desk.hears("other@example.org", "Second")
    waited = desk.threads()[1].waiting_since
    with desk.scene.work() as work:
        person = contacts.Person("Zara", [("email", ZARA), ("email", "other@example.org")], {})
        contacts.change(work, contact_id, person)
    desk.answer_all()
    desk.hears("other@example.org", "stop")
    thread = desk.thread()
    assert (thread.contact_id, thread.unread, thread.waiting_since, thread.state) == (contact_id, 1, waited, "open")


def test_a_wish_to_stop_is_shown_and_asks_for_no_answer(desk: Desk) -> None:
    desk.hears(ZARA, "stop")
    thread = desk.thread()
    assert (thread.state, thread.unread, thread.waiting_since) == ("done", 0, None)
    assert desk.lines("waiting") == desk.lines("open") == []
    (line,) = desk.lines("done")
    assert line.is_opt_out
    said = read(desk)
    assert [each.labels for each in said if isinstance(each, talk.Said) and not each.is_ours] == [("opt-out", "trial")]
    assert any(isinstance(each, talk.Note) and "Asked to stop" in each.text for each in said)


def test_whoever_writes_opens_what_was_done(desk: Desk) -> None:
    desk.hears(ZARA, "Thanks")
    with desk.scene.work() as work:
        threads.finish(work, desk.thread().id)
    assert (desk.thread().state, desk.thread().waiting_since, desk.lines("waiting")) == ("done", None, [])
    desk.hears(ZARA, "stop")
    assert desk.thread().state == "done"
    desk.hears(ZARA, "One more thing")
    assert (desk.thread().state, desk.thread().unread) == ("open", 1)


def read(desk: Desk, before: int | None = None) -> Sequence[talk.Said | talk.Note]:
    with desk.scene.work() as work:
        return talk.page(work, threads.party(work, desk.thread()), before).entries


# --- answering


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
    assert [(each.is_ours, each.body) for each in read(desk) if isinstance(each, talk.Said)] == [
        (False, "When do you open?"), (True, "At nine, Zara."),
    ]  # fmt: skip
    assert verbs(desk.scene) == ["thread.answered"]


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
    from concurrent.futures import ThreadPoolExecutor
    from threading import Barrier

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
    assert len([each for each in read(desk) if isinstance(each, talk.Said) and each.is_ours]) == 1


def test_an_answer_may_be_the_last_word(desk: Desk) -> None:
    desk.hears(ZARA, "Thanks!")
    desk.answer("Welcome", closes=True)
    assert desk.thread().state == "done"
    assert verbs(desk.scene) == ["thread.answered", "thread.done"]


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
    assert read(desk)[-1].is_ours is False  # type: ignore[union-attr]


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
    assert "has not written to you in the last 24 hours" in obstacles(desk)


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
    assert verbs(desk.scene) == ["thread.begun", "thread.answered"]


# --- whose it is


def test_a_conversation_is_given_to_members_and_taken_once(desk: Desk) -> None:
    sana, omar = member(desk.scene, "Sana", AGENT), member(desk.scene, "Omar", AGENT)
    desk.hears(ZARA, "Hello")
    thread_id = desk.thread().id
    with desk.scene.work(sana) as work:
        threads.assign(work, thread_id, sana.id, None)
        threads.assign(work, thread_id, sana.id, None)
    with pytest.raises(Refused, match="Sana Tester took this"), desk.scene.work(omar) as work:
        threads.assign(work, thread_id, omar.id, None)
    with pytest.raises(Refused, match="Choose a member"), desk.scene.work(omar) as work:
        threads.assign(work, thread_id, 999_999, sana.id)
    assert [line.assignee for line in desk.lines("mine", sana)] == ["Sana Tester"]
    assert desk.lines("mine", omar) == desk.lines("unassigned") == []
    with desk.scene.work(omar) as work:
        threads.assign(work, thread_id, None, sana.id)
    assert len(desk.lines("unassigned")) == 1
    assert verbs(desk.scene) == ["thread.assigned", "thread.assigned"]


def test_unread_is_the_organisations_and_ends_when_somebody_looked(desk: Desk) -> None:
    desk.hears(ZARA, "One")
    desk.hears(ZARA, "Two")
    desk.hears("omar@example.org", "Three")
    with desk.scene.work() as work:
        assert listing.unread(work) == 2
        threads.see(work, desk.threads()[0].id)
    with desk.scene.work() as work:
        threads.see(work, desk.threads()[0].id)
        assert listing.unread(work) == 1
    assert verbs(desk.scene) == ["thread.seen"]
    assert len(desk.lines("waiting")) == 2


def test_conversations_are_found_by_name_and_address(desk: Desk) -> None:
    desk.contact(ZARA, name="Zara Khan")
    desk.hears(ZARA, "Hello")
    desk.hears("omar@example.org", "Hello")
    for words, found in (("zara", 1), (f" {ZARA}", 1), ("omar@example.org", 1), ("100%", 0), ("o_ar", 0), ("khan", 0)):
        assert len(desk.lines("done", words=words.strip())) == found, words
    with pytest.raises(Refused, match="not a view"):
        desk.lines("everything")


def test_another_organisation_sees_nothing(desk: Desk) -> None:
    contact_id = desk.contact(ZARA)
    desk.hears(ZARA, "Hello")
    thread_id, other = desk.thread().id, factories.organisation(desk.scene.house, "Other")
    with desk.scene.house.work(AMINA, other) as work:
        assert listing.page(work, "open").lines == listing.page(work, "open", words="zara").lines == []
        assert listing.unread(work) == 0
        stranger = threads.Party(None, [("email", ZARA)])
        assert talk.page(work, stranger).entries == []
        for verb in (threads.find, threads.see, threads.finish, threads.reopen, threads.begin):
            with pytest.raises(NotFound):
                verb(work, contact_id if verb is threads.begin else thread_id)
        with pytest.raises(NotFound):
            answering.answer(work, thread_id, Draft("Hello"))


def test_a_deleted_contact_takes_the_conversation_along(desk: Desk) -> None:
    contact_id = desk.contact(ZARA)
    desk.hears(ZARA, "Hello")
    with desk.scene.work() as work:
        contacts.remove(work, contact_id)
    assert desk.threads() == []
    desk.hears(ZARA, "Still there?")
    assert [each.body for each in read(desk) if isinstance(each, talk.Said)] == ["Hello", "Still there?"]


# --- reading much


def test_a_long_conversation_is_read_page_by_page(desk: Desk) -> None:
    contact_id = desk.contact(ZARA)
    with desk.scene.work() as work:
        work.session.execute(
            text(
                "INSERT INTO pulse_message (organisation_id, contact_id, changed_at, state, parts, quantity, units, "
                "channel, address, sender, body) SELECT :here, :contact, now(), 20, 1, 1, 1, 'postcard', :address, 'A', "
                "'Message ' || n FROM generate_series(1, 70) n"
            ),
            {"here": desk.scene.organisation, "contact": contact_id, "address": "old@example.org"},
        )
    desk.hears(ZARA, "Enough")
    found: list[str] = []
    with desk.scene.work() as work:
        party, before, pages = threads.party(work, desk.thread()), None, 0
        while pages == 0 or before is not None:
            page = talk.page(work, party, before)
            found, before, pages = [*(each.body for each in page.entries if isinstance(each, talk.Said)), *found], page.older, pages + 1
    assert (len(found), len(set(found)), pages, found[-1]) == (71, 71, 3, "Enough")


def test_the_inbox_is_read_page_by_page(desk: Desk) -> None:
    for number in range(listing.PAGE + 5):
        desk.hears(f"p{number}@example.org", "Hello")
    with desk.scene.work() as work:
        first = listing.page(work, "open")
        second = listing.page(work, "open", before=first.older)
    addresses = [line.address for line in (*first.lines, *second.lines)]
    assert len(addresses) == len(set(addresses)) == listing.PAGE + 5
    assert second.older is None


# --- canned answers


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
    assert verbs(desk.scene) == ["canned_answer.created", "canned_answer.updated"]
