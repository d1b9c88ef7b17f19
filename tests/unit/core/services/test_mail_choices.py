"""Mail nobody must get: reminded once, ended by one click of the link in it; what must be sent has no such link."""

import re
from datetime import date, timedelta

import pytest
from sqlalchemy import text

from connectpulse.app import create_app
from connectpulse.core.errors import NotFound
from connectpulse.core.services.notices import board, deliver, inbox, leaving, mail
from connectpulse.core.services.policy import acceptance, reminding
from connectpulse.core.services.work import SYSTEM, Actor
from connectpulse.core.storage import guard
from connectpulse.house import House
from tests.unit.core.services.test_policy import TODAY, at, publish
from tests.unit.core.services.test_site_mail import Inbox
from tests.unit.core.services.test_site_mail import inbox as post_box  # noqa: F401 - a fixture

SANA, OMAR, ZARA = 41, 42, 43
NAMES = {SANA: "sana", OMAR: "omar", ZARA: "zara"}
DAY = TODAY + timedelta(days=20)
CLICK = {"List-Unsubscribe": "One-Click"}


@pytest.fixture(autouse=True)
def people(house: House, post_box: Inbox) -> None:  # noqa: F811
    with house.engine.begin() as connection:
        for id, name in NAMES.items():
            connection.execute(
                text(
                    "INSERT INTO ab_user (id, first_name, last_name, username, email, active, created_on) "
                    "VALUES (:id, :name, 'T', :name, :email, true, '2025-01-01')"
                ),
                {"id": id, "name": name, "email": f"{name}@example.org"},
            )
    mail._Site.public_url = "https://pulse.example"


def remind(house: House, day: date) -> int:
    with at(house, day) as work:
        return reminding.remind(work)


def click(house: House, address: str) -> int:
    """Click as a provider of mail does: no cookie, no page before it."""
    assert address.startswith("https://pulse.example/")
    path = address.removeprefix("https://pulse.example")
    return create_app(house).test_client().post(path, data=CLICK).status_code


def sent(house: House, box: Inbox) -> dict[str, str]:
    """Send what waits; return the address that ends such mail by whom it went to, empty where there is none."""
    box.taken.clear()
    while mail.send_due(house.work):
        pass
    for each in box.taken:
        assert "\n" not in (each["List-Unsubscribe"] or ""), "it is on one line"
        assert (each["List-Unsubscribe-Post"] or "") in ("", "List-Unsubscribe=One-Click")
    return {each["To"].partition("@")[0]: (each["List-Unsubscribe"] or "").strip("<>") for each in box.taken}


def test_who_has_not_accepted_is_reminded_once_some_days_before(house: House, post_box: Inbox) -> None:  # noqa: F811
    digest = publish(house, revised_on=TODAY, effective_on=DAY, is_material=True)
    with house.work(Actor("user", "Sana", SANA)) as work:
        acceptance.accept(work, digest)
    assert [remind(house, DAY - timedelta(days=days)) for days in (19, 4, 3, 3, 2, 0)] == [0, 0, 2, 0, 0, 0]
    found = sent(house, post_box)
    assert set(found) == {"omar", "zara"}
    text_of = post_box.taken[0].get_body(("plain",)).get_content()
    assert "https://pulse.example/privacy/" in text_of
    assert re.search(r"From 22 March 2026", text_of)
    assert click(house, found["omar"]) == 200
    with at(house) as work:
        assert [inbox.choices(work, id).reminders for id in NAMES] == ["each", "never", "each"]


def test_pages_of_people_are_reminded_one_after_the_other(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reminding, "PEOPLE", 1)
    monkeypatch.setattr(reminding, "PAGES", 2)
    publish(house, revised_on=TODAY, effective_on=DAY, is_material=True)
    with house.work(Actor("user", "Zara", ZARA)) as work:
        inbox.choose(work, "each", "digest", "never", "never")
    assert [remind(house, DAY - timedelta(days=1)) for _ in range(3)] == [2, 0, 0]


@pytest.mark.parametrize("is_material", [True, False])
def test_what_was_published_just_now_or_does_not_matter_is_not_reminded_of(house: House, is_material: bool) -> None:
    publish(house, revised_on=TODAY, effective_on=TODAY + timedelta(days=2), is_material=is_material)
    assert remind(house, TODAY + timedelta(days=is_material)) == 0


def test_a_click_ends_what_is_optional_and_nothing_else(house: House, post_box: Inbox) -> None:  # noqa: F811
    with house.work(SYSTEM) as work:
        for title, options in (
            ("An update", {}), ("A change of the policy", {"is_binding": True}), ("An alarm", {"level": board.ALARM})
        ):  # fmt: skip
            board.post(work, "test", title, user_id=SANA, **options)  # type: ignore[arg-type]
        board.post(work, "news.test", "An offer", user_id=OMAR)
    with house.work(Actor("user", "Sana", SANA)) as work:
        inbox.choose(work, "each", "each", "never")
    with house.work(Actor("user", "Omar", OMAR)) as work:
        inbox.choose(work, "each", "digest", "each")
    deliver.at_once(house.work)
    sent(house, post_box)
    links = {each["Subject"]: (each["List-Unsubscribe"] or "").strip("<>") for each in post_box.taken}
    assert {title for title, link in links.items() if not link} == {"A change of the policy", "Alarm: An alarm"}
    for title in ("An update", "An offer"):
        assert click(house, links[title]) == 200
    with house.work(SYSTEM) as work:
        assert [inbox.choices(work, SANA).updates, inbox.choices(work, OMAR).news] == ["never", "never"]
        assert [inbox.choices(work, SANA).alarms, inbox.choices(work, OMAR).updates] == ["each", "digest"]


def test_a_click_ends_the_mail_of_the_day(house: House, post_box: Inbox) -> None:  # noqa: F811
    with house.work(SYSTEM) as work:
        board.post(work, "test", "An update", user_id=SANA)
    with house.engine.begin() as connection:
        connection.execute(
            text("INSERT INTO pulse_notice_choice (user_id, digested_at) VALUES (:id, '2025-01-01')"), {"id": SANA}
        )
    with house.work(SYSTEM) as work, guard.platform_scope(work.session, "test"):
        assert deliver.digests(work) == 1
    assert click(house, sent(house, post_box)["sana"]) == 200
    with house.work(SYSTEM) as work:
        chosen = inbox.choices(work, SANA)
        assert (chosen.alarms, chosen.updates, chosen.news) == ("each", "never", "never")


def test_looking_changes_nothing_and_a_forged_link_opens_nothing(house: House) -> None:
    client = create_app(house).test_client()
    good = leaving.address(SANA, "reminders").removeprefix("https://pulse.example")
    assert "Shall we send you no more reminders" in client.get(good).text
    for bad in (good[:-1] + ("0" if good[-1] != "0" else "1"), good.replace("41-", "42-"), "/mail/leave/x",
                good.replace("reminders", "alarms"), f"/mail/leave/{'9' * 40}-news-0"):  # fmt: skip
        assert client.get(bad).status_code == 404
        assert client.post(bad, data=CLICK).status_code == 404
        with pytest.raises(NotFound):
            leaving.opened(bad.rpartition("/")[2])
    with house.work(SYSTEM) as work:
        assert inbox.choices(work, SANA).reminders == "each"
    assert [client.post(good, data=CLICK).status_code for _ in range(2)] == [200, 200]
    with house.engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM pulse_audit WHERE verb = 'notice.left'")) == 1
