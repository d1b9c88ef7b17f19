"""Invitations: how somebody becomes a member, and what whoever invites learns of it: nothing but a yes or a no."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select, text

from connectpulse.core.services.access import invitations, people
from connectpulse.core.services.notices import mail
from connectpulse.core.storage import guard
from connectpulse.core.storage.models import AuditEntry
from connectpulse.house import House
from connectpulse.testing import factories
from connectpulse.testing.factories import ADMINISTRATOR
from connectpulse.web.security import accounts, roles
from tests.journeys.panel_scene import PASSWORD, Visitor, panel, visitor

FORM = {"first_name": "Zara", "last_name": "Khan", "password": "four random words", "again": "four random words"}
MEMBER = accounts.Account("member", "member@example.org", "Member", "Elsewhere")
_CHANGING = re.compile(r'name="csrf_token" value="[^"]+"|nonce="[^"]+"|[\w.+-]+@example\.org|/invitation/[\w-]{43}')


@pytest.fixture
def app(house: House, organisation: int) -> Flask:
    return panel(house, organisation)


def invited(admin: Visitor, email: str, role: str = roles.ANALYST) -> str:
    """Invite somebody on a site without mail; return the path of the link that is shown once."""
    shown = admin.post("/members/add", "/members/add", {"email": email, "first_name": "Zara", "role": role})
    link = re.search(r"(/invitation/[\w-]{43})", shown.text)
    assert link, shown.text
    assert link[1] not in admin.get("/members/list/").text
    return link[1]


def test_invited_person_makes_an_account_by_the_link_once(app: Flask) -> None:
    admin, zara = visitor(app, roles.ORGANISATION_ADMINISTRATOR), Visitor(app.test_client())
    link = invited(admin, "Zara@Example.org")
    assert "zara@example.org" in admin.get("/members/list/").text
    page = zara.get(link).text
    assert "You are invited to Organisation" in page
    form = {"first_name": "Zara", "last_name": "Khan", "password": "four random words", "again": "four random word"}
    assert "differ" in zara.post(link, link, form).text
    assert zara.post(link, link, form | {"again": form["password"]}).status_code == 302
    assert zara.get(link).status_code == 404
    assert zara.sign_in("zara@example.org", "four random words").status_code == 302
    assert zara.get("/campaigns/list/").status_code == 200
    assert zara.get("/contacts/list/").status_code == 403
    assert "not here yet" not in admin.get("/members/list/").text


def test_nobody_is_enrolled_who_has_an_account_before_they_accept(app: Flask) -> None:
    admin = visitor(app, roles.ORGANISATION_ADMINISTRATOR)
    link = invited(admin, "auditor@example.org")
    assert "auditor" not in admin.get("/members/list/").text.partition("not here yet")[2].partition("</section>")[2]
    other = visitor(app, roles.ANALYST)
    assert "This invitation is for auditor@example.org" in other.post(link, "/profile/").text
    auditor = visitor(app, roles.AUDITOR)
    number = number_of(auditor)
    assert other.post("/profile/invitation", "/profile/", answer(number), follow_redirects=True).text.count(
        "used or withdrawn"
    )
    shown = auditor.post("/profile/invitation", "/profile/", answer(number), follow_redirects=True).text
    assert "You are a member" in shown
    assert "auditor@example.org" in admin.get("/members/list/").text
    assert auditor.get(link).status_code == 404
    again = auditor.post("/profile/invitation", "/profile/", answer(number), follow_redirects=True).text
    assert "used or withdrawn" in again


def answer(number: str, word: str = "accept") -> dict[str, str]:
    return {"invitation": number, "answer": word}


def number_of(person: Visitor) -> str:
    """Return the number of the invitation on somebody's profile."""
    found = re.search(r'name="invitation" value="(\d+)"', person.get("/profile/").text)
    assert found
    return found[1]


def told(house: House, organisation: int | None) -> list[tuple[str, str, int | None, str]]:
    """Return what a log says of invitations: verb, who, their number, from where."""
    e = AuditEntry
    with house.work(ADMINISTRATOR) as work, guard.platform_scope(work.session, "test"):
        rows = work.session.execute(
            select(e.verb, e.actor_name, e.actor_id, e.actor_address)
            .where(e.verb.startswith("invitation."), e.organisation_id == organisation).order_by(e.id)
        ).all()  # fmt: skip
    return [(row[0], row[1], row[2], row[3]) for row in rows]


def test_whoever_invites_learns_nothing_of_who_has_an_account(house: House, organisation: int, app: Flask) -> None:
    elsewhere = factories.organisation(house)
    with house.work(ADMINISTRATOR, elsewhere) as work:
        accounts.join(work, accounts.create(work, MEMBER, PASSWORD), roles.ANALYST)
    admin = visitor(app, roles.ORGANISATION_ADMINISTRATOR)
    seen = []
    for email in ("stranger@example.org", "member@example.org"):
        link, anybody = invited(admin, email), Visitor(app.test_client())
        page = _CHANGING.sub("", anybody.get(link).text)
        weak = anybody.post(link, link, FORM | {"password": "short", "again": "short"})
        done = anybody.post(link, link, FORM)
        seen.append((page, _CHANGING.sub("", weak.text), done.status_code, done.location, flashes(anybody)))
    assert seen[0] == seen[1]
    assert (seen[0][2], seen[0][3]) == (302, "/login/")
    assert "member@example.org" in admin.get("/members/list/").text.partition("not here yet")[2]
    assert Visitor(app.test_client()).sign_in("member@example.org", FORM["password"]).status_code == 401
    member = Visitor(app.test_client())
    assert member.sign_in("member@example.org").status_code == 302
    assert ("invitation.tried", "A visitor", None, "127.0.0.1") in told(house, None)
    assert {each[0] for each in told(house, organisation)} == {"invitation.sent", "invitation.accepted"}
    member.post("/profile/invitation", "/profile/", answer(number_of(member)))
    assert "Member Elsewhere" in admin.get("/members/list/").text


def flashes(person: Visitor) -> list[str]:
    return re.findall(r'class="alert[^"]*"[^>]*>([^<]+)', person.get("/login/").text)


@pytest.mark.parametrize("has_account", [True, False])
def test_who_declines_is_not_named_to_the_organisation(
    house: House, organisation: int, app: Flask, has_account: bool
) -> None:
    admin = visitor(app, roles.ORGANISATION_ADMINISTRATOR)
    link = invited(admin, "auditor@example.org" if has_account else "zara@example.org")
    person = visitor(app, roles.AUDITOR if has_account else "")
    if has_account:
        person.post("/profile/invitation", "/profile/", answer(number_of(person), "decline"))
    else:
        assert person.post(f"{link}/decline", link).status_code == 302
    assert told(house, organisation)[-1] == ("invitation.declined", "Whoever was invited", None, "")
    said = told(house, None)[-1]
    assert said[:2] == ("invitation.declined", "Auditor Tester" if has_account else "A visitor")
    assert "not here yet" not in admin.get("/members/list/").text
    assert Visitor(app.test_client()).post(f"{link}/decline", "/login/").status_code == 404


def test_an_invitation_is_withdrawn_replaced_and_grows_old(house: House, app: Flask) -> None:
    admin, stranger = visitor(app, roles.ORGANISATION_ADMINISTRATOR), Visitor(app.test_client())
    first, second = invited(admin, "zara@example.org"), invited(admin, "zara@example.org")
    assert (stranger.get(first).status_code, stranger.get(second).status_code) == (404, 200)
    number = re.search(r"/members/withdraw/(\d+)", admin.get("/members/list/").text)
    assert number
    operator = visitor(app, roles.PLATFORM_ADMINISTRATOR)
    operator.post(f"/accounts/withdraw/{number[1]}", "/accounts/list/")
    assert stranger.get(second).status_code == 200  # it is not the platform's
    admin.post(f"/members/withdraw/{number[1]}", "/members/list/")
    assert stranger.get(second).status_code == 404
    third = invited(admin, "zara@example.org")
    house.clock = lambda: datetime.now(UTC) + timedelta(days=7, seconds=1)
    assert stranger.get(third).status_code == 404


def test_an_inbox_cannot_be_filled_with_invitations(house: House, app: Flask) -> None:
    admin = visitor(app, roles.ORGANISATION_ADMINISTRATOR)
    form = {"email": "zara@example.org", "first_name": "Zara", "role": roles.ANALYST}
    for _ in range(invitations.MOST_A_DAY):
        last = invited(admin, "zara@example.org")
    refused = admin.post("/members/add", "/members/add", form)
    assert (refused.status_code, "times within a day" in refused.text) == (422, True)
    assert visitor(app).get(last).status_code == 200
    invited(admin, "another@example.org")
    house.clock = lambda: datetime.now(UTC) + timedelta(days=1, seconds=1)
    visitor_again = visitor(app, roles.ORGANISATION_ADMINISTRATOR)
    assert visitor_again.post("/members/add", "/members/add", form).status_code == 200


def test_the_mail_of_an_invitation_is_the_same_for_everybody(
    house: House, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mail, "is_sent_here", lambda: True)
    admin = visitor(app, roles.ORGANISATION_ADMINISTRATOR)
    for email in ("zara@example.org", "auditor@example.org"):
        shown = admin.post("/members/add", "/members/add", {"email": email, "role": roles.ANALYST})
        assert f"on its way to {email}" in shown.text
        assert "/invitation/" not in shown.text
    with house.work(ADMINISTRATOR) as work:
        sent = work.session.execute(text("SELECT recipient FROM pulse_mail")).scalars().all()
    assert sorted(sent) == ["auditor@example.org", "zara@example.org"]


def test_only_the_platform_enrols_without_asking_and_the_person_is_told(
    house: House, organisation: int, app: Flask
) -> None:
    operator, admin = visitor(app, roles.PLATFORM_ADMINISTRATOR), visitor(app, roles.ORGANISATION_ADMINISTRATOR)
    link = invited(admin, "auditor@example.org")
    with house.work(ADMINISTRATOR) as work:
        person = people.by_email(work, "auditor@example.org")
    assert person is not None
    page, form = f"/accounts/enrol/{person.id}", {"organisation": organisation, "role": roles.ANALYST}
    assert "without being asked" in operator.get(page).text
    assert admin.post(page, "/profile/", form).status_code == 403
    for wrong in ({"organisation": 10**17}, {"role": roles.PLATFORM_ADMINISTRATOR}, {"organisation": "x"}):
        assert operator.post(page, page, form | wrong).status_code == 422, wrong
    assert "Auditor Tester" not in admin.get("/members/list/").text
    assert operator.post(page, page, form).status_code == 302
    assert "Auditor Tester" in admin.get("/members/list/").text
    assert visitor(app).get(link).status_code == 404
    assert "You are a member of Organisation" in visitor(app, roles.AUDITOR).get("/notices/").text
    assert "added the member" in admin.get("/audit/list/").text
    twice = operator.post(page, page, form)
    assert (twice.status_code, "member of this organisation already" in twice.text) == (422, True)
