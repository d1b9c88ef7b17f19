"""Access, at the panel: what locks, what ends, what is asked first, and what nobody can give themselves."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pyotp
import pytest
from flask import Flask
from flask_appbuilder.security.sqla.models import User
from sqlalchemy import select, text

from connectpulse.core.services.access import factors, people, sessions, tries
from connectpulse.core.services.notices import mail
from connectpulse.core.storage import guard
from connectpulse.core.storage.models import AuditEntry, Mail, UserSession
from connectpulse.house import House
from connectpulse.testing.factories import ADMINISTRATOR
from connectpulse.web.security import accounts, roles
from tests.journeys.panel_scene import NAMES, PASSWORD, Visitor, panel, visitor

pytestmark = pytest.mark.slow

NEW = "four random words"


@pytest.fixture
def app(house: House, organisation: int) -> Flask:
    made = panel(house, organisation)
    made.extensions["appbuilder"].sm.limiter.enabled = False  # what is counted in the database is looked at here
    return made


def id_of(house: House, role: str) -> int:
    with house.work(ADMINISTRATOR) as work:
        return work.session.scalars(select(User.id).where(User.username == NAMES[role])).one()


def give_app(house: House, role: str) -> pyotp.TOTP:
    with house.work(ADMINISTRATOR) as work:
        person = people.by_id(work, id_of(house, role))
        assert person is not None
        app = pyotp.TOTP(factors.begin_totp(work, person.id))
        factors.confirm_totp(work, person, app.at(house.clock() - timedelta(seconds=30)))
    return app


def is_in(person: Visitor) -> bool:
    return person.get("/profile/").status_code == 200


def cookie(person: Visitor, name: str = "pulse") -> str:
    found = person.client.get_cookie(name)
    assert found is not None
    return found.value


def with_cookie(app: Flask, value: str) -> Visitor:
    made = Visitor(app.test_client())
    made.client.set_cookie("pulse", value)
    return made


# --- wrong attempts


def test_wrong_passwords_bring_a_pause_and_then_a_lock(house: House, app: Flask) -> None:
    stranger, at = Visitor(app.test_client()), datetime.now(UTC)
    for n in range(10):
        at += timedelta(seconds=tries.PASSWORD[n - 1] if n else 0)
        house.clock = lambda at=at: at
        answer = stranger.sign_in("analyst", f"wrong password {n}")
        assert answer.status_code == 401, n
    locked = Visitor(app.test_client()).sign_in("analyst")
    assert locked.status_code == 429
    assert int(locked.headers["Retry-After"]) > 800
    assert "too many wrong attempts. Try again in 15 minutes" in locked.text
    operator = visitor(app, roles.PLATFORM_ADMINISTRATOR)
    page = f"/accounts/show/{id_of(house, roles.ANALYST)}"
    assert "wrong password" in operator.get(page).text
    assert operator.post(page.replace("show", "unlock"), page).status_code == 302
    assert Visitor(app.test_client()).sign_in("analyst").status_code == 302


def test_known_and_unknown_names_are_answered_alike(app: Flask) -> None:
    def body(name: str) -> str:
        text = Visitor(app.test_client()).sign_in(name, "wrong password").text
        return re.sub(r'(csrf_token" value=|data-csrf=|nonce=)"[^"]+"|value="[\w@.]+"', "", text)

    assert body("analyst") == body("nobody") == body("analyst@example.org")


# --- what ends a session


def test_old_cookies_are_dead_with_the_next_request(house: House, app: Flask) -> None:
    operator, admin = visitor(app, roles.PLATFORM_ADMINISTRATOR), visitor(app, roles.ORGANISATION_ADMINISTRATOR)
    number = id_of(house, roles.ANALYST)
    page = f"/accounts/show/{number}"
    with house.work(ADMINISTRATOR) as work:
        member = work.session.scalar(text("SELECT id FROM pulse_membership WHERE user_id = :id"), {"id": number})

    def reset(person: Visitor) -> None:
        link = re.search(r"/password/[\w-]{43}", operator.post(page.replace("show", "send_reset"), page).text)
        assert link
        Visitor(app.test_client()).post(link[0], link[0], {"new": NEW, "again": NEW})

    def change(person: Visitor) -> None:
        person.post("/profile/password", "/profile/", {"old": NEW, "new": PASSWORD, "again": PASSWORD})
        assert is_in(person)  # the one who changes it goes on, in a fresh session

    edit = f"/members/edit/{member}"
    acts: dict[str, Callable[[Visitor], object]] = {
        "signing out": lambda person: person.post("/logout/", "/profile/"),
        "ended by an administrator": lambda person: admin.post(f"/members/end_sessions/{member}", edit),
        "another role": lambda person: admin.post(edit, edit, {"role": roles.APPROVER}),
        "factors reset": lambda person: operator.post(page.replace("show", "reset_factors"), page),
        "password reset": reset,
        "password changed": change,
        "no longer a member": lambda person: admin.post(f"/members/delete/{member}", "/members/list/"),
        "switched off": lambda person: operator.post(page.replace("show", "off"), page),
    }
    for name, act in acts.items():
        person = Visitor(app.test_client())
        person.sign_in("analyst", NEW if name == "password changed" else PASSWORD)
        copied = with_cookie(app, cookie(person))
        assert is_in(copied), name
        act(person)
        assert "/login/" in copied.get("/profile/").location, name


def test_ones_own_sessions_are_listed_and_ended(house: House, app: Flask) -> None:
    here, there, third = (visitor(app, roles.ANALYST) for _ in range(3))
    number = re.search(r'name="session" value="(\d+)"', here.get("/profile/").text)
    assert number
    strange = visitor(app, roles.APPROVER)
    strange.post("/profile/session", "/profile/", {"session": number[1]})
    assert is_in(third)
    here.post("/profile/session", "/profile/", {"session": number[1]})
    assert (is_in(third), is_in(there), is_in(here)) == (False, True, True)
    here.post("/profile/sessions", "/profile/")
    assert (is_in(there), is_in(here), is_in(strange)) == (False, True, True)


def test_signing_in_takes_over_nothing_a_stranger_put_into_the_cookie(app: Flask) -> None:
    person, attacker = Visitor(app.test_client()), visitor(app, roles.APPROVER)
    person.client.set_cookie("pulse", cookie(attacker))
    attacker.post("/logout/", "/profile/")
    planted = cookie(person)
    assert person.sign_in("analyst").status_code == 302
    assert not is_in(with_cookie(app, planted))
    assert cookie(person) != planted


def test_a_link_signs_nobody_out_and_there_is_no_other_way_in(app: Flask) -> None:
    person = visitor(app, roles.ANALYST)
    assert person.get("/logout/").status_code == 405
    assert is_in(person)
    given = {"username": "analyst", "password": PASSWORD, "provider": "db", "refresh": True}
    assert app.test_client().post("/api/v1/security/login", json=given).status_code == 404
    assert {rule.endpoint for rule in app.url_map.iter_rules() if "login" in str(rule)} == {
        "SignInView.login", "SignInView.second", "SignInView.passkey", "SignInView.passkey_options",
    }  # fmt: skip


def test_a_session_ends_by_itself(house: House, app: Flask) -> None:
    person, now = visitor(app, roles.ANALYST), datetime.now(UTC)
    house.clock = lambda: now + sessions.IDLE + timedelta(minutes=1)
    assert not is_in(person)


def test_no_token_is_kept_as_it_is(house: House, app: Flask) -> None:
    person = visitor(app, roles.ANALYST)
    inside = app.session_interface.get_signing_serializer(app).loads(cookie(person))
    with house.work(ADMINISTRATOR) as work:
        stored = work.session.scalars(select(UserSession.token_hash)).one()
    assert inside["token"].encode() not in bytes(stored)
    assert set(inside) <= {"token", "_user_id", "_fresh", "csrf_token", "_id"}


# --- second factors


def test_a_password_alone_opens_nothing_where_there_is_a_second_factor(house: House, app: Flask) -> None:
    code, person = give_app(house, roles.ANALYST), Visitor(app.test_client())
    assert person.sign_in("analyst").location == "/login/second"
    half = cookie(person)
    assert not is_in(person)
    wrong = person.post("/login/second", "/login/second", {"code": "123456"})
    assert wrong.status_code == 401
    right = {"code": code.at(house.clock())}
    assert person.post("/login/second", "/login/second", right).status_code == 302
    assert is_in(person)
    again = with_cookie(app, half)
    assert again.client.post("/login/second", data=right).status_code == 400  # no token against forgery
    other = Visitor(app.test_client())
    other.sign_in("analyst")
    replayed = other.post("/login/second", "/login/second", right)
    assert replayed.status_code == 401
    assert "used already" in replayed.text
    assert Visitor(app.test_client()).get("/login/second").location == "/login/"


def test_a_role_that_needs_a_second_factor_is_led_to_it_and_nowhere_else(house: House, app: Flask) -> None:
    person, operator = visitor(app, roles.ANALYST), visitor(app, roles.PLATFORM_ADMINISTRATOR)
    assert "1 without one" in operator.get("/access-rules/").text
    operator.post("/access-rules/", "/access-rules/", {"roles": [roles.ANALYST, "King"]})
    for page in ("/", "/campaigns/list/", "/profile/", "/home/live"):
        assert person.get(page).location == "/profile/factors/", page
    assert person.post("/profile/sessions", "/profile/factors/").location == "/profile/factors/"
    assert "Your role needs a second factor" in person.get("/profile/factors/").text
    begun = person.post("/profile/factors/app/begin", "/profile/factors/", follow_redirects=True).text
    secret = re.search(r"<code>([A-Z2-7 ]{30,})</code>", begun)
    assert secret
    code = pyotp.TOTP(secret[1].replace(" ", "")).at(house.clock())
    wrong = person.post("/profile/factors/app/confirm", "/profile/factors/", {"code": "1"}, follow_redirects=True)
    assert "does not fit" in wrong.text
    shown = person.post("/profile/factors/app/confirm", "/profile/factors/", {"code": code}).text
    assert shown.count("<li><code>") == 10
    assert person.get("/campaigns/list/").status_code == 200
    assert operator.get("/accounts/list/").status_code == 200


def test_factors_are_changed_only_by_who_lately_proved_who_they_are(house: House, app: Flask) -> None:
    person, now = visitor(app, roles.ANALYST), datetime.now(UTC)
    house.clock = lambda: now + timedelta(minutes=11)
    assert "Type your password first" in person.get("/profile/factors/").text
    page = person.post("/profile/factors/app/begin", "/profile/factors/", follow_redirects=True).text
    assert "QR code" not in page
    answer = person.client.post(
        "/profile/factors/passkey/options", headers={"X-CSRFToken": token_of(person, "/profile/factors/")}
    )
    assert answer.status_code == 400
    person.post("/profile/factors/prove", "/profile/factors/", {"password": "wrong password"})
    assert "Set up an app" not in person.get("/profile/factors/").text
    person.post("/profile/factors/prove", "/profile/factors/", {"password": PASSWORD})
    assert "Set up an app" in person.get("/profile/factors/").text


def token_of(person: Visitor, page: str) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', person.get(page).text)
    assert found
    return found[1]


def test_a_passkey_answer_that_is_none_is_refused_in_words(house: House, app: Flask) -> None:
    house.settings = replace(house.settings, public_url="https://pulse.example")
    person = Visitor(app.test_client())
    headers = {"X-CSRFToken": token_of(person, "/login/")}
    long = {"answer": {"id": "AA"}, "challenge": "9" * 30}
    for said in (None, "x", {}, {"answer": 1}, {"answer": {}, "challenge": "99"}, long):
        answer = person.client.post("/login/passkey", json=said, headers=headers)
        assert answer.status_code in (400, 401), said
        assert answer.get_json()["problem"].endswith("."), said


# --- passwords of somebody else's making, and forgotten ones


def test_a_password_somebody_else_made_is_changed_before_anything_else(house: House, app: Flask) -> None:
    with house.work(ADMINISTRATOR) as work:
        accounts.set_password(work, id_of(house, roles.ANALYST), "made up by another", must_change=True)
    person = Visitor(app.test_client())
    assert person.sign_in("analyst", "made up by another").status_code == 302
    for page in ("/", "/campaigns/list/", "/profile/", "/profile/factors/"):
        assert person.get(page).location == "/profile/password", page
    same = {"old": "made up by another", "new": "made up by another", "again": "made up by another"}
    assert "is the old one" in person.post("/profile/password", "/profile/password", same, follow_redirects=True).text
    new = {"old": "made up by another", "new": NEW, "again": NEW}
    assert "is changed" in person.post("/profile/password", "/profile/password", new, follow_redirects=True).text
    assert person.get("/campaigns/list/").status_code == 200


def test_a_forgotten_password_is_answered_alike_and_mailed(
    house: House, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mail, "is_sent_here", lambda: True)
    stranger = Visitor(app.test_client())
    texts = {stranger.post("/forgotten/", "/forgotten/", {"username": name}).text for name in ("analyst", "nobody")}
    assert len(texts) == 1
    with house.work(ADMINISTRATOR) as work:
        [sent] = work.session.scalars(select(Mail)).all()
    path = re.search(r"/password/[\w-]{43}", (sent.content or {})["text"])
    assert path
    assert stranger.get(path[0]).status_code == stranger.get(path[0]).status_code == 200  # opening uses nothing up
    bad = stranger.post(path[0], path[0], {"new": "analyst", "again": "analyst"})
    assert (bad.status_code, "at least 10" in bad.text) == (422, True)
    assert stranger.post(path[0], path[0], {"new": NEW, "again": NEW}).location == "/login/"
    assert stranger.get(path[0]).status_code == 404
    assert stranger.sign_in("analyst", NEW).status_code == 302


def test_a_link_that_is_none_says_what_to_do(app: Flask) -> None:
    for path in ("/password/nonsense", "/invitation/nonsense", "/password/%00", f"/invitation/{'x' * 43}"):
        answer = Visitor(app.test_client()).get(path)
        assert answer.status_code == 404, path
        assert "Ask for another" in answer.text, path


# --- what nobody can give themselves


def test_nobody_gives_themselves_a_role_or_touches_other_accounts(house: House, app: Flask) -> None:
    own, platform = id_of(house, roles.ORGANISATION_ADMINISTRATOR), id_of(house, roles.PLATFORM_ADMINISTRATOR)
    for role in (roles.ORGANISATION_ADMINISTRATOR, roles.ANALYST, roles.AUDITOR):
        person = visitor(app, role)
        for act in ("edit", "off", "on", "end_sessions", "reset_factors", "demand_change", "unlock", "send_reset"):
            for number in (own, platform):
                answer = person.post(f"/accounts/{act}/{number}", "/profile/", {"role": roles.PLATFORM_ADMINISTRATOR})
                assert answer.status_code == 403, (role, act)
        assert person.post("/access-rules/", "/profile/", {"roles": []}).status_code == 403
        assert person.post("/accounts/add", "/profile/", {"email": "x@example.org"}).status_code == 403


def test_forms_take_no_fields_they_do_not_show(house: House, app: Flask) -> None:
    person = visitor(app, roles.ANALYST)
    more = {"role": roles.PLATFORM_ADMINISTRATOR, "is_admin": "1", "user_id": "1", "roles": "1", "active": "1"}
    fields = {"old": PASSWORD, "new": NEW, "again": NEW, **more}
    person.post("/profile/password", "/profile/", fields)
    admin = visitor(app, roles.ORGANISATION_ADMINISTRATOR)
    shown = admin.post("/members/add", "/members/add", {"email": "zara@example.org", "first_name": "Z", **more})
    assert shown.status_code == 422  # a role of the platform is not given by an organisation
    admin.post("/members/add", "/members/add", {"email": "zara@example.org", **more, "role": roles.ANALYST})
    with house.work(ADMINISTRATOR) as work:
        link = work.session.execute(text("SELECT role, organisation_id FROM pulse_invitation")).one()
        held = work.session.scalars(select(User).where(User.username == "analyst")).one().roles
    assert (link[0], link[1] is not None, held) == (roles.ANALYST, True, [])


def test_an_administrator_changes_neither_themselves_nor_the_last_one(house: House, app: Flask) -> None:
    operator, own = visitor(app, roles.PLATFORM_ADMINISTRATOR), id_of(house, roles.PLATFORM_ADMINISTRATOR)
    page = f"/accounts/show/{own}"
    refused = operator.post(f"/accounts/edit/{own}", f"/accounts/edit/{own}", {"role": "none"})
    assert (refused.status_code, "your own role" in refused.text) == (422, True)
    for act in ("off", "reset_factors", "send_reset"):
        shown = operator.post(f"/accounts/{act}/{own}", page, follow_redirects=True).text
        assert "your own account" in shown, act
    assert is_in(operator)


def test_an_invited_administrator_of_the_platform_makes_an_account(house: House, app: Flask) -> None:
    operator, stranger = visitor(app, roles.PLATFORM_ADMINISTRATOR), Visitor(app.test_client())
    form = {"email": "root@example.org", "first_name": "Rabia", "role": roles.AUDITOR}
    link = re.search(r"/invitation/[\w-]{43}", operator.post("/accounts/add", "/accounts/add", form).text)
    assert link
    stranger.post(link[0], link[0], {"first_name": "Rabia", "last_name": "", "password": NEW, "again": NEW})
    assert stranger.sign_in("root@example.org", NEW).status_code == 302
    assert stranger.get("/accounts/list/").status_code == 200
    number = id_of_email(house, "root@example.org")
    assert (
        operator.post(
            f"/accounts/edit/{number}", f"/accounts/edit/{number}", {"role": roles.PLATFORM_ADMINISTRATOR}
        ).status_code
        == 302
    )
    assert not is_in(stranger)
    taken = operator.post("/accounts/add", "/accounts/add", form)
    assert (taken.status_code, "has an account already" in taken.text) == (422, True)


def id_of_email(house: House, email: str) -> int:
    with house.work(ADMINISTRATOR) as work:
        found = people.by_email(work, email)
    assert found is not None
    return found.id


def test_what_happened_is_in_the_action_log(house: House, app: Flask) -> None:
    person = visitor(app, roles.ANALYST)
    Visitor(app.test_client()).sign_in("analyst", "wrong password")
    Visitor(app.test_client()).sign_in("nobody", "wrong password")
    person.post("/logout/", "/profile/")
    with house.work(ADMINISTRATOR) as work, guard.platform_scope(work.session, "test"):
        told = work.session.execute(
            select(AuditEntry.verb, AuditEntry.actor_name, AuditEntry.object_name, AuditEntry.detail)
            .where(AuditEntry.verb.startswith("user.sign")).order_by(AuditEntry.id)
        ).all()  # fmt: skip
    assert [(row[0], row[1], row[2], row[3].get("reason")) for row in told] == [
        ("user.signed_in", "Analyst Tester", "analyst", "password"),
        ("user.sign_in_failed", "A visitor", "analyst", "wrong password"),
        ("user.sign_in_failed", "A visitor", "nobody", "no such account"),
        ("user.signed_out", "Analyst Tester", "analyst", None),
    ]
