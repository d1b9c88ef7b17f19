"""The inbox on pages: what each role sees and may do, and what a refusal leaves."""

import re

import pytest
from flask import Flask

from connectpulse.core.services.conversations import canned, threads
from connectpulse.core.storage.models import Message
from connectpulse.house import House
from connectpulse.testing import factories
from connectpulse.web.security import roles
from tests.unit.core.services.inbox_scene import Desk
from tests.unit.core.services.scene import Scene

from .panel_scene import Visitor, panel, visitor

ZARA = "zara@example.org"


@pytest.fixture
def desk(post_house: House) -> Desk:
    return Desk(Scene(post_house, factories.organisation(post_house)))


@pytest.fixture
def app(desk: Desk) -> Flask:
    return panel(desk.scene.house, desk.scene.organisation)


def write(person: Visitor, page: str, verb: str, **fields: str) -> str:
    """Send a form of a conversation's page; return what stands on the page it leads to."""
    answer = person.post(f"/inbox/{verb}/{page.rpartition('/')[2]}", page, fields, follow_redirects=True)
    return answer.text


def test_an_agent_reads_answers_and_is_done(desk: Desk, app: Flask) -> None:
    desk.contact(ZARA)
    desk.hears(ZARA, "When do you open? <b>")
    agent = visitor(app, roles.AGENT)
    assert re.search(r'fa-inbox.*?class="badge busy count">1<', agent.get("/").text, re.S)
    page = f"/inbox/show/{desk.thread().id}"
    assert f'href="{page}#newest"' in agent.get("/inbox/").text
    shown = agent.get(page).text
    assert "When do you open? &lt;b&gt;" in shown
    seen = re.findall(r'name="seen" value="(\d+)"', shown)
    assert set(seen) == {str(desk.thread().last_id)}
    assert "Characters" in agent.post(page.replace("show", "preview"), page, {"text": "At nine"}).text
    assert "The answer is on its way." in write(agent, page, "answer", text="At nine", seen=seen[0])
    again = agent.post(page.replace("show", "answer"), page, {"text": "At ten", "seen": seen[0]})
    assert again.status_code == 422
    assert "You answered a moment ago" in again.text
    assert ">At ten</textarea>" in again.text
    assert "Done." in write(agent, page, "done")
    assert (desk.thread().state, desk.thread().unread) == ("done", 0)
    assert "is open again" in write(agent, page, "reopen")
    assert agent.get(f"/inbox/?q={ZARA}").text.count("Zara Khan") == 1


def test_looking_makes_it_read_and_giving_it_away_says_to_whom(desk: Desk, app: Flask) -> None:
    desk.hears(ZARA, "Hello")
    agent, page = visitor(app, roles.AGENT), f"/inbox/show/{desk.thread().id}"
    assert agent.post(page.replace("show", "see"), page).status_code == 204
    assert desk.thread().unread == 0
    assert "/see/" not in agent.get(page).text
    with desk.scene.work() as work:
        ids = {each.role: str(each.user_id) for each in threads.members(work)}
    assert "Choose somebody who may answer." in write(agent, page, "assign", member=ids[roles.ANALYST])
    assert "Assigned." in write(agent, page, "assign", member=ids[roles.AGENT])
    manager = visitor(app, roles.CAMPAIGN_MANAGER)
    assert "Agent Tester took this conversation" in write(manager, page, "assign", member=ids[roles.CAMPAIGN_MANAGER])
    assert "Agent Tester" in manager.get("/inbox/?view=open").text


@pytest.mark.parametrize(
    ("role", "reads", "writes"),
    [
        (roles.AUDITOR, True, False), (roles.PLATFORM_ADMINISTRATOR, True, True), (roles.CAMPAIGN_MANAGER, True, True),
        (roles.ORGANISATION_ADMINISTRATOR, True, True), (roles.ANALYST, False, False), (roles.APPROVER, False, False),
    ],
)  # fmt: skip
def test_who_may(desk: Desk, app: Flask, role: str, reads: bool, writes: bool) -> None:
    desk.hears(ZARA, "Hello")
    shown = visitor(app, role).get(f"/inbox/show/{desk.thread().id}")
    assert (shown.status_code == 200, 'id="answer"' in shown.text) == (reads, writes)


def test_who_cannot_be_answered_has_no_box_and_is_told_why(desk: Desk, app: Flask) -> None:
    desk.scene.template()
    desk.hears("BANK-ALERT", "Your balance is low")
    shown = visitor(app, roles.AGENT).get(f"/inbox/show/{desk.thread().id}").text
    assert "BANK-ALERT is a name and no address" in shown
    assert 'id="answer"' not in shown
    assert 'id="send-template"' not in shown


def test_a_contact_who_never_wrote_is_written_to(desk: Desk, app: Flask) -> None:
    contact_id = desk.contact(ZARA)
    manager, page = visitor(app, roles.CAMPAIGN_MANAGER), f"/inbox/contact/{contact_id}"
    assert page in manager.get(f"/contacts/show/{contact_id}").text
    assert "never wrote back" in manager.get(page).text
    begun = manager.post(f"/inbox/begin/{contact_id}", page)
    assert begun.location == f"/inbox/show/{desk.thread().id}"
    assert manager.get(page).location == begun.location
    assert desk.answer("Hello").address == ZARA


def test_a_template_is_found_looked_at_and_sent_once(desk: Desk, app: Flask) -> None:
    desk.contact(ZARA)
    desk.hears(ZARA, "Is it ready?")
    agent, page = visitor(app, roles.AGENT), f"/inbox/show/{desk.thread().id}"
    assert "Send a template" not in agent.get(page).text
    template_id = desk.scene.template("Dear {{ first_name }}, <b>it</b> is ready.", "Ready")
    shown = agent.get(page).text
    assert "Send a template" in shown
    assert 'id="how-write" checked' in shown
    found = agent.get(page.replace("show", "lookup") + "?q=rea").json
    assert found == {"results": [{"value": template_id, "text": "Ready (Postcard)"}]}
    looked = agent.post(page.replace("show", "template"), page, {"template_id": template_id}).text
    assert "Dear Zara, &lt;b&gt;it&lt;/b&gt; is ready." in looked
    version = re.findall(r'name="version" value="(\d+)"', looked)[0]
    sent = {"template_id": str(template_id), "seen": str(desk.thread().last_id)}
    assert "not what you looked at" in write(agent, page, "send", **sent)
    assert "The template is on its way." in write(agent, page, "send", **sent, version=version)
    again = agent.post(page.replace("show", "send"), page, {**sent, "version": version})
    assert (again.status_code, "You answered a moment ago" in again.text) == (422, True)
    assert 'id="how-template" checked' in again.text
    assert "Dear Zara, &lt;b&gt;it&lt;/b&gt; is ready." in again.text.partition('id="template-look"')[2]
    assert agent.get(page.replace("show", "shown") + f"?template={template_id}").text == ""
    assert agent.get(page.replace("show", "shown") + "?template=999").status_code == 404
    assert "Template: please fill this in." in write(agent, page, "send")


def test_canned_answers_are_kept_and_offered(desk: Desk, app: Flask) -> None:
    desk.contact(ZARA)
    desk.hears(ZARA, "Hello")
    manager = visitor(app, roles.CAMPAIGN_MANAGER)
    add = "/canned-answers/add"
    assert "is not a field" in manager.post(add, add, {"title": "Hours", "body": "{{ nickname }}"}).text
    manager.post(add, add, {"title": "Hours", "channel": "postcard", "body": "Dear {{ first_name }}, at nine."})
    assert "Hours" in manager.get("/canned-answers/list/?q=hou").text
    agent = visitor(app, roles.AGENT)
    assert 'data-text="Dear Zara, at nine."' in agent.get(f"/inbox/show/{desk.thread().id}").text
    assert agent.get(add).status_code != 200
    with desk.scene.work() as work:
        assert canned.offered(work, threads.Party(None, ()))[0].title == "Hours"


def test_pages_go_back_and_parts_are_kept_up_to_date(desk: Desk, app: Flask) -> None:
    contact_id = desk.contact(ZARA)
    with desk.scene.work() as work:
        for number in range(35):
            work.session.add(
                Message(contact_id=contact_id, changed_at=work.clock(), state=20, parts=1, quantity=1, units=1,
                        channel="postcard", address=ZARA, sender="Amina", body=f"News {number:02}")
            )  # fmt: skip
    desk.hears(ZARA, "Enough")
    agent, page = visitor(app, roles.AGENT), f"/inbox/show/{desk.thread().id}"
    newest = agent.get(page).text
    assert "News 34" in newest
    assert "News 05" not in newest
    earlier = re.search(r"\?before=(\d+)", newest)
    assert earlier
    first = agent.get(f"{page}?before={earlier[1]}").text
    assert "News 05" in first
    assert 'id="answer"' not in first
    assert "hx-trigger" not in first
    desk.hears(ZARA, "Really")
    assert "Really" in agent.get(page.replace("show", "talk")).text
    assert "Really" in agent.get("/inbox/live?view=open").text
    assert agent.get("/inbox/show/999").status_code == 404
    assert agent.get("/inbox/show/x").status_code == 404
