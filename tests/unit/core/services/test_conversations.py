"""Conversations: found and begun by what people write, taken, answered and done by those who answer."""

import importlib

import pytest
from sqlalchemy import select, text

from connectpulse.core.domain.retention import Subject
from connectpulse.core.domain.roles import AGENT
from connectpulse.core.errors import NotFound, Refused
from connectpulse.core.services import contacts
from connectpulse.core.services.conversations import answering, listing, talk, threads
from connectpulse.core.services.conversations.answering import Draft
from connectpulse.core.services.work import Actor
from connectpulse.core.storage.models import Membership
from connectpulse.testing import factories
from connectpulse.web.security import accounts
from tests.unit.core.services.inbox_scene import Desk, member
from tests.unit.core.services.scene import AMINA, Scene

ZARA = "zara@example.org"


@pytest.fixture
def desk(scene: Scene) -> Desk:
    return Desk(scene)


# --- arriving


def test_what_people_write_is_one_conversation_with_each(desk: Desk) -> None:
    desk.hears(ZARA, "Hello?")
    desk.hears("omar@example.org", "Is it open?")
    desk.hears(ZARA, "Anybody there?")
    assert [(t.address, t.unread, t.state) for t in desk.threads()] == [
        ("omar@example.org", 1, "open"),
        (ZARA, 2, "open"),
    ]
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


def test_conversations_of_a_member_who_leaves_are_nobodys(desk: Desk) -> None:
    sana = member(desk.scene, "Sana", AGENT)
    desk.hears(ZARA, "Hello?")
    with desk.scene.work(sana) as work:
        threads.assign(work, desk.thread().id, sana.id, None)
    assert desk.lines("unassigned") == []
    with desk.scene.work(Actor("user", "Boss", 987_654)) as work:
        accounts.leave(work, work.session.scalars(select(Membership).where(Membership.user_id == sana.id)).one())
    assert [line.address for line in desk.lines("unassigned")] == [ZARA]


def test_two_conversations_of_one_person_become_one_that_still_waits(desk: Desk) -> None:
    contact_id = desk.contact(ZARA)
    desk.hears(ZARA, "First")
    desk.hears("other@example.org", "Second")
    waited = desk.threads()[1].waiting_since
    with desk.scene.work() as work:
        person = contacts.Person("Zara", [("email", ZARA), ("email", "other@example.org")], {})
        contacts.change(work, contact_id, person)
    desk.answer_first()
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
    said = desk.said()
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
    assert desk.verbs() == ["thread.assigned", "thread.assigned"]


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
    assert desk.verbs() == ["thread.seen"]
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
    assert [each.body for each in desk.said() if isinstance(each, talk.Said)] == ["Hello", "Still there?"]


def test_an_address_that_went_to_somebody_else_is_not_answered(desk: Desk) -> None:
    contact_id = desk.contact(ZARA)
    desk.hears(ZARA, "Hello")
    with desk.scene.work() as work:
        contacts.change(work, contact_id, contacts.Person("Zara Khan", [("email", "new@example.org")], {}))
    desk.contact(ZARA, name="Omar")
    assert desk.answer("Hello").address == "new@example.org"
    assert [each.body for each in desk.said() if isinstance(each, talk.Said)] == ["Hello", "Hello"]


# --- duties


@pytest.mark.parametrize("is_contact", [True, False])
def test_a_conversation_is_shown_to_its_person_and_goes_with_them(desk: Desk, is_contact: bool) -> None:
    contact_ids = (desk.contact(ZARA),) if is_contact else ()
    desk.hears(ZARA, "Hello")
    desk.hears("omar@example.org", "Hello")
    person = Subject(desk.scene.organisation, (("email", ZARA),), contact_ids)
    with desk.scene.work() as work:
        handler = work.registry.subjects["pulse_thread"]
        (shown,) = handler.export(work, person)
        assert (shown["address"], shown["state"]) == (ZARA, "open")
        assert handler.erase(work, person) == 1
        assert list(handler.find(work, person)) == []
    assert [each.address for each in desk.threads()] == ["omar@example.org"]


def test_what_was_written_before_there_was_an_inbox_is_done(desk: Desk) -> None:
    desk.contact(ZARA, "z.khan@example.org")
    for address in (ZARA, "omar@example.org", "z.khan@example.org", "omar@example.org"):
        desk.hears(address, f"From {address}")
    before = {(t.contact_id, t.scheme, t.address, t.last_id) for t in desk.threads()}
    migration = importlib.import_module("connectpulse.core.storage.migrations.versions.0024_inbox")
    with desk.scene.house.engine.begin() as connection:
        connection.execute(text("DELETE FROM pulse_thread"))
        connection.execute(text(migration._BEFORE))
    assert {(t.contact_id, t.scheme, t.address, t.last_id) for t in desk.threads()} == before
    assert {(t.state, t.unread, t.waiting_since) for t in desk.threads()} == {("done", 0, None)}
    desk.hears("omar@example.org", "Again")
    assert [line.address for line in desk.lines()] == ["omar@example.org"]


# --- reading much


def test_a_long_conversation_is_read_page_by_page(desk: Desk) -> None:
    contact_id = desk.contact(ZARA)
    with desk.scene.work() as work:
        work.session.execute(
            text(
                "INSERT INTO pulse_message (organisation_id, contact_id, changed_at, state, parts, quantity, units, "
                "channel, address, sender, body) SELECT :here, :contact, now(), 20, 1, 1, 1, 'postcard', :address, "
                "'A', 'Message ' || n FROM generate_series(1, 70) n"
            ),
            {"here": desk.scene.organisation, "contact": contact_id, "address": "old@example.org"},
        )
    desk.hears(ZARA, "Enough")
    found: list[str] = []
    with desk.scene.work() as work:
        party, before, pages = threads.party(work, desk.thread()), None, 0
        while pages == 0 or before is not None:
            page = talk.page(work, party, before)
            found, before, pages = (
                [*(each.body for each in page.entries if isinstance(each, talk.Said)), *found],
                page.older,
                pages + 1,
            )
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
