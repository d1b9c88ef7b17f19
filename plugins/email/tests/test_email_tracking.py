"""Clicks and opens: counted only where chosen, never led elsewhere than signed, programs told apart from people."""

from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from connectpulse_email import choices
from connectpulse_email.letter import compose
from connectpulse_email.models import EmailEvent
from connectpulse_email.plugin import EmailPlugin
from connectpulse_email.tracking import addresses, figures
from connectpulse_email.tracking.addresses import Tracking
from email_scene import letter, shared
from flask.testing import FlaskClient
from sqlalchemy import select, text, update
from test_email_house import carried, launched

from connectpulse.app import create_app
from connectpulse.core.api import NotFound, Subject, Work
from connectpulse.core.services.desk import ServiceDesk
from connectpulse.core.storage.models import Message
from connectpulse.core.storage.trust import trust
from connectpulse.house import House
from connectpulse.testing.factories import ADMINISTRATOR

SITE = "https://pulse.example.org"
SHOP = "https://shop.example/a?who={{ name }}&x=1"
HTML = (
    f'<p><a title="a>b" href="{SHOP}">Shop</a> <a href="https://acme.example/">https://acme.example</a> '
    '<a href="mailto:a@acme.example">Write</a> <a href="{{ stop_link }}">Stop</a> <a href="https://two.example/">2</a></p>'
)
PERSON = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"


@pytest.fixture(autouse=True)
def _trust() -> None:
    trust.set("a key of trust for tests of letters, long enough")


def filled(**changes: Any) -> str:
    content = shared(HTML) | {"tracking": changes.pop("tracking", Tracking(SITE, clicks=True, opens=True))}
    submission = letter(1, shared=content, values={"name": "Amina & Co"}, **changes)
    return compose(content).fill(submission).html


def hrefs(html: str) -> list[str]:
    from html.parser import HTMLParser

    found: list[str] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            found.extend(value or "" for name, value in attrs if (tag, name) in (("a", "href"), ("img", "src")))

    Reader().feed(html)
    return found


def test_links_to_the_web_lead_over_the_site_and_no_others() -> None:
    html = filled()
    first, plain, mail, stop, second, picture = hrefs(html)
    assert (plain, mail) == ("https://acme.example/", "mailto:a@acme.example")
    assert stop.startswith(f"{SITE}/stop/")
    for number, (link, target) in enumerate(
        ((first, "https://shop.example/a?who=Amina%20%26%20Co&x=1"), (second, "https://two.example/")), 1
    ):
        assert link.startswith(f"{SITE}/hooks/email/c/")
        assert addresses.read_click(link.removeprefix(f"{SITE}/hooks/email/c/")) == (1, number, target)
    assert addresses.read_open(picture.removeprefix(f"{SITE}/hooks/email/o/")) == 1


@pytest.mark.parametrize(
    ("changes", "counted"),
    [
        ({"tracking": None}, 0),
        ({"tracking": Tracking(SITE, clicks=False, opens=True)}, 1),
        ({"tracking": Tracking(SITE, clicks=True, opens=False)}, 2),
        ({"campaign_id": None}, 0),
    ],
)
def test_nothing_is_counted_that_was_not_chosen(changes: dict[str, Any], counted: int) -> None:
    found = hrefs(filled(**changes))
    assert sum("/hooks/email/" in each for each in found) == counted
    assert changes.get("tracking") or "https://shop.example/a?who=Amina%20%26%20Co&x=1" in found


def test_an_address_made_up_is_of_nothing() -> None:
    good = addresses.click("", 5, 1, "https://acme.example/").removeprefix("/hooks/email/c/")
    head, _, target = good.partition("/")
    other = addresses.click("", 5, 1, "https://evil.example/").rpartition("/")[2]
    opened = addresses.opened("", 5).removeprefix("/hooks/email/o/")
    for rest in (f"{head}/{other}", f"6{good[1:]}", good.replace("-1-", "-2-", 1), head, f"{head[:-1]}/{target}",
                 f"{opened}/{target}", "", "-", "/", "é/é", f"{good}A"):  # fmt: skip
        with pytest.raises(NotFound):
            addresses.read_click(rest)
    for rest in (head, opened[:-1], f"{opened}0", ""):
        with pytest.raises(NotFound):
            addresses.read_open(rest)


@pytest.fixture
def desk(house: House) -> ServiceDesk:
    return ServiceDesk(house.work, "postman", SITE)


@pytest.fixture
def links(house: House, organisation: int, desk: ServiceDesk) -> list[str]:
    """The paths of one letter's links and picture, sent by a campaign a minute ago."""
    with house.work(ADMINISTRATOR, organisation) as work:
        choices.save(work, tracks_clicks=True, tracks_opens=True, needs_verified=False)
    launched(house, organisation, ["amina"], {"subject": "Hi", "html": HTML})
    (sent,) = carried(desk, desk.lines()[0].connection_id)
    with house.work(ADMINISTRATOR, organisation) as work:
        work.session.execute(update(Message).values(submitted_at=work.clock() - timedelta(minutes=1)))
    found = [each for each in hrefs(compose(sent.shared).fill(sent).html) if "/hooks/email/" in each]
    return [urlsplit(each).path for each in found]


def ask(client: FlaskClient, path: str, agent: str = PERSON, **headers: str) -> Any:
    return client.get(path, headers={"User-Agent": agent, **headers})


def counted(house: House, organisation: int) -> list[tuple[str, int, bool, int]]:
    with house.work(ADMINISTRATOR, organisation) as work:
        rows = work.session.scalars(select(EmailEvent).order_by(EmailEvent.id))
        return [(each.kind, each.link, each.is_bot, each.times) for each in rows]


def test_people_and_programs_are_counted_apart(house: House, organisation: int, links: list[str]) -> None:
    client = create_app(house).test_client()
    first, second, picture = links
    for _ in range(2):
        answer = ask(client, first)
        assert (answer.status_code, answer.headers["Location"]) == (
            302, "https://shop.example/a?who=Amina&x=1",
        )  # fmt: skip
        assert answer.headers["Referrer-Policy"] == "no-referrer"
    for agent in ("", "Mozilla/5.0", "python-requests/2", "Mozilla/5.0 (via ggpht.com GoogleImageProxy)"):
        answer = ask(client, picture, agent)
        assert (answer.status_code, answer.content_type, answer.data[:6]) == (200, "image/gif", b"GIF89a")
        assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert client.head(second, headers={"User-Agent": PERSON}).status_code == 302
    assert ask(client, second, **{"Sec-Purpose": "prefetch"}).status_code == 302
    assert counted(house, organisation) == [("click", 1, False, 2), ("open", 0, True, 4), ("click", 2, True, 2)]
    with house.work(ADMINISTRATOR, organisation) as work:
        (line,) = figures.campaigns(work)
        assert (line.name, line.opened, line.clicked, line.programs) == ("Spring", 0, 1, 1)
        assert figures.REPORT.rows(work, 5) == [("Spring", 0, 1, 1)]
        _, lines = figures.links(work, line.id) or ("", [])
        assert lines == [("https://shop.example/a?who={{ name }}&x=1", 1, 2, 0), ("https://two.example/", 0, 0, 1)]
        assert figures.links(work, line.id + 1) is None


def test_what_comes_within_seconds_is_a_programs(house: House, organisation: int, links: list[str]) -> None:
    with house.work(ADMINISTRATOR, organisation) as work:
        work.session.execute(update(Message).values(submitted_at=work.clock()))
    ask(create_app(house).test_client(), links[0])
    assert counted(house, organisation) == [("click", 1, True, 1)]


def test_links_lead_on_when_nothing_is_counted_any_more(house: House, organisation: int, links: list[str]) -> None:
    client = create_app(house).test_client()
    with house.work(ADMINISTRATOR, organisation) as work:
        choices.save(work, tracks_clicks=False, tracks_opens=False, needs_verified=False)
    assert ask(client, links[0]).status_code == 302
    assert ask(client, links[2]).status_code == 200
    with house.work(ADMINISTRATOR, organisation) as work:
        choices.save(work, tracks_clicks=True, tracks_opens=True, needs_verified=False)
        work.session.execute(text("DELETE FROM pulse_reference"))
        work.session.execute(text("DELETE FROM pulse_message"))
    assert ask(client, links[0]).status_code == 302
    assert counted(house, organisation) == []
    forged = links[0].rpartition("/")[0] + "/aHR0cHM6Ly9ldmlsLmV4YW1wbGUv"
    answer = ask(client, forged)
    assert answer.status_code == 404
    assert "Location" not in answer.headers


def test_a_person_gets_and_erases_what_they_clicked(house: House, organisation: int, links: list[str]) -> None:
    client = create_app(house).test_client()
    ask(client, links[0])
    (handler,) = EmailPlugin().pulse_subject_data()
    with house.work(ADMINISTRATOR, organisation) as work:
        other = Subject(organisation, addresses=(("email", "bilal@example.com"),))
        mine = Subject(organisation, addresses=(("email", "amina@example.com"),))
        assert (list(handler.export(work, other)), handler.erase(work, other)) == ([], 0)
        (row,) = handler.export(work, mine)
        assert row["kind"] == "click"
        assert handler.erase(work, mine) == 1
    assert counted(house, organisation) == []


def test_nothing_is_counted_until_it_is_chosen(work: Work) -> None:
    chosen = choices.of(work)
    assert (chosen.tracks_clicks, chosen.tracks_opens, chosen.needs_verified) == (False, False, False)
