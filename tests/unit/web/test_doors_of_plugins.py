"""The doors of plugins: who gets in, with what, how it is answered, and what is kept of what was refused."""

from dataclasses import dataclass, field

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, text

from connectpulse.app import create_app
from connectpulse.core.domain.doors import Answer, Door, Knock
from connectpulse.core.errors import NotFound, Refused
from connectpulse.core.services import audit
from connectpulse.core.services.work import Work, entered
from connectpulse.core.storage import guard
from connectpulse.core.storage.models import AuditEntry, ContactList
from connectpulse.house import House
from connectpulse.testing.factories import ADMINISTRATOR

SECRET = b"card 4111111111111111"
ELSEWHERE = {"shop": "https://shop.example/a?b=1", "script": "javascript:alert(1)", "house": "//evil.example/"}


@dataclass
class Till:
    organisation: int
    knocks: list[Knock] = field(default_factory=list)
    actors: list[str] = field(default_factory=list)

    def paid(self, work: Work, knock: Knock) -> Answer:
        self.knocks.append(knock)
        self.actors.append(work.actor.kind)
        with entered(work, self.organisation):
            work.session.add(ContactList(name="Paid"))
            audit.record(work, "list.created")
        if knock.header("X-Proof") != "good":
            raise Refused("This is not genuine.")
        return Answer(text="taken")

    def page(self, work: Work, knock: Knock) -> Answer:
        if knock.rest == "gone":
            raise NotFound("This order is gone.")
        if knock.rest == "away":
            return Answer(location="//evil.example/")
        if knock.rest in ELSEWHERE:
            return Answer(elsewhere=ELSEWHERE[knock.rest])
        if knock.rest == "dot":
            return Answer(content=b"GIF89a", content_type="image/gif")
        if knock.rest == "back":
            return Answer(location="/lists/list/")
        if knock.method == "POST":
            return Answer(title="Done", text="You will get no more reminders.")
        return Answer(title="Stop reminders?", text="One.\n\n<b>Two</b>.", button="Yes, stop")

    def broken(self, work: Work, knock: Knock) -> Answer:
        raise ValueError(knock.body.decode())


@pytest.fixture
def till(house: House, organisation: int) -> Till:
    made = Till(organisation)
    house.registry.doors |= {
        "acme/paid": Door("paid", made.paid, largest=100, per_minute=5),
        "acme/stop": Door("stop", made.page, methods=("GET", "POST")),
        "acme/broken": Door("broken", made.broken),
    }
    return made


@pytest.fixture
def asking(house: House, till: Till) -> FlaskClient:
    return create_app(house).test_client()


def lists(house: House, organisation: int) -> int:
    with house.work(ADMINISTRATOR, organisation) as work:
        return len(work.session.scalars(select(ContactList.id)).all())


def test_what_came_is_handed_over_as_it_was(house: House, till: Till, asking: FlaskClient) -> None:
    sent = b'{"a" : 1}\n'
    answer = asking.post("/hooks/acme/paid/7/8?x=1&x=%20", data=sent, headers={"X-Proof": "good"})
    assert (answer.status_code, answer.text) == (200, "taken")
    assert answer.mimetype == "text/plain"
    (knock,) = till.knocks
    assert (knock.method, knock.rest, knock.body) == ("POST", "7/8", sent)
    assert knock.query == [("x", "1"), ("x", " ")]
    assert knock.url.endswith("/hooks/acme/paid/7/8?x=1&x=%20")
    assert till.actors == ["visitor"]
    assert lists(house, till.organisation) == 1


def test_what_is_refused_leaves_its_entry_and_nothing_else(house: House, till: Till, asking: FlaskClient) -> None:
    answer = asking.post("/hooks/acme/paid", data=SECRET)
    assert (answer.status_code, answer.text) == (400, "This is not genuine.")
    assert lists(house, till.organisation) == 0
    with house.work(ADMINISTRATOR) as work:
        with guard.platform_scope(work.session, "test"):
            entry = work.session.scalars(select(AuditEntry).where(AuditEntry.verb == "door.refused")).one()
        assert (entry.object_name, entry.detail["why"]) == ("acme/paid", "This is not genuine.")
        assert "4111" not in str(entry.detail)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("POST", "/hooks/acme/nothing", 404), ("POST", "/hooks/nobody/paid", 404), ("GET", "/hooks/acme/paid", 405),
     ("GET", "/hooks/acme/stop/gone", 404), ("GET", "/hooks/acme", 404)],
)  # fmt: skip
def test_where_there_is_no_door(asking: FlaskClient, method: str, path: str, status: int) -> None:
    assert asking.open(path, method=method).status_code == status


def test_too_much_is_not_read(till: Till, asking: FlaskClient) -> None:
    assert asking.post("/hooks/acme/paid", data=b"x" * 101).status_code == 413
    assert till.knocks == []


def test_too_often_is_not_answered(till: Till, asking: FlaskClient) -> None:
    answers = [asking.post("/hooks/acme/paid").status_code for _ in range(7)]
    assert answers == [400] * 5 + [429] * 2
    assert len(till.knocks) == 5
    other = {"REMOTE_ADDR": "198.51.100.7"}
    assert asking.post("/hooks/acme/paid", environ_base=other).status_code == 400


def test_a_page_asks_before_it_changes_anything(asking: FlaskClient) -> None:
    page = asking.get("/hooks/acme/stop/abc")
    assert page.status_code == 200
    assert "<h1>Stop reminders?</h1>" in page.text
    assert "<p>&lt;b&gt;Two&lt;/b&gt;.</p>" in page.text
    assert "Yes, stop" in page.text
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert "Done" in asking.post("/hooks/acme/stop/abc", headers={"Origin": "https://elsewhere.example"}).text
    assert "There is nothing here" in asking.get("/hooks/acme/stop/gone").text


def test_one_is_led_on_within_the_site_only(asking: FlaskClient) -> None:
    assert asking.get("/hooks/acme/stop/back").headers["Location"] == "/lists/list/"
    assert asking.get("/hooks/acme/stop/away").headers["Location"] == "/"


def test_a_handler_that_breaks_says_so_and_logs_no_word_of_what_came(
    house: House, asking: FlaskClient, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    answer = asking.post("/hooks/acme/broken", data=SECRET)
    assert answer.status_code == 500
    said = "".join(capsys.readouterr()) + caplog.text
    assert "door_failed" in said
    assert "4111" not in said + answer.text
    with house.work(ADMINISTRATOR) as work:
        assert work.session.scalar(text("SELECT count(*) FROM pulse_contact_list")) == 0


def test_a_door_leads_elsewhere_on_the_web_only(asking: FlaskClient) -> None:
    answer = asking.get("/hooks/acme/stop/shop")
    assert (answer.status_code, answer.headers["Location"]) == (302, ELSEWHERE["shop"])
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    for rest in ("script", "house"):
        answer = asking.get(f"/hooks/acme/stop/{rest}")
        assert (answer.status_code, "Location" in answer.headers) == (500, False)


def test_a_door_shows_bytes_that_others_may_show(asking: FlaskClient) -> None:
    answer = asking.get("/hooks/acme/stop/dot")
    assert (answer.data, answer.content_type) == (b"GIF89a", "image/gif")
    assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
