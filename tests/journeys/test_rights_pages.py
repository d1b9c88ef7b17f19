"""A person asks for their rights at the public door, two people answer in the panel, and a browser looks at it all."""

import re
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Browser, expect
from sqlalchemy import func, select

from connectpulse.core.services.action_log import denials
from connectpulse.core.services.rights import carrying, copying, intake, links, proof
from connectpulse.core.services.rights.intake import Asked
from connectpulse.core.storage import guard
from connectpulse.core.storage.models import AuditEntry, Mail, SubjectRequest
from connectpulse.core.storage.trust import trust
from connectpulse.house import House
from connectpulse.testing import factories
from connectpulse.web.security import roles
from tests.journeys.browsing import DESKTOP, PHONE, person
from tests.journeys.live import served
from tests.journeys.panel_scene import Visitor, panel, visitor
from tests.unit.core.services.rights_scene import office

pytestmark = pytest.mark.slow

ZARA = "zara@example.org"


@pytest.fixture
def app(house: House, organisation: int, tmp_path: Path) -> Flask:
    desk = office(house, organisation, tmp_path)
    desk.contact("Zara Khan", ("email", ZARA), ("phone", "+923001234567"))
    return panel(house, organisation)


def _mail(house: House) -> str:
    """Return the text of the newest mail."""
    with house.work(factories.ADMINISTRATOR) as work:
        row = work.session.scalars(select(Mail).order_by(Mail.id.desc()).limit(1)).one()
        return (row.content or {})["text"]


def _path(url: str) -> str:
    return "/privacy/" + url.partition("/privacy/")[2]


def _asked(house: House, organisation: int, visitor: Visitor, kind: str) -> str:
    """Fill the form in; return the address of the page that asks for the code."""
    form = _path(links.form_url(organisation))
    answer = visitor.post(form, form, {"kind": kind, "scheme": "email", "address": ZARA, "name": "Zara"})
    assert answer.status_code == 302, answer.text
    return str(answer.location)


def _code(house: House) -> str:
    found = re.search(r"Your code is (\w{8})", _mail(house))
    assert found
    return found[1]


def test_a_person_without_an_account_gets_their_copy(house: House, organisation: int, app: Flask) -> None:
    zara = Visitor(app.test_client())
    confirm = _asked(house, organisation, zara, "access")
    wrong = zara.post(confirm, confirm, {"code": "AAAA2222"})
    assert wrong.status_code == 422
    answer = zara.post(confirm, confirm, {"code": _code(house)})
    status = str(answer.location)
    assert "You have confirmed" in zara.get(status).text
    assert zara.post(confirm, confirm, {"code": "AAAA2222"}).status_code == 422

    admin = visitor(app, roles.ORGANISATION_ADMINISTRATOR)
    assert "Zara" in admin.get("/requests/list/").text
    page = admin.get("/requests/show/1").text
    assert "Zara Khan" in page
    assert "What would be done" in page
    admin.post("/requests/plan/1", "/profile/", {"reason": "She asked"})
    own = admin.get("/decisions/list/").text
    decision = re.search(r"/decisions/show/(\d+)", own)
    assert decision
    assert admin.post(f"/decisions/approve/{decision[1]}", "/profile/").status_code == 403
    approver = visitor(app, roles.APPROVER)
    assert approver.post(f"/decisions/approve/{decision[1]}", "/profile/").status_code == 302
    carrying.run_due(house.work)

    got = zara.post(status, status, {"act": "fetch"})
    package = str(got.location)
    assert "opens once" in zara.get(package).text
    answer = zara.post(package, package)
    assert answer.mimetype == "application/zip"
    assert copying.check(answer.data, trust.public_key)["request"] == 1
    assert zara.get(package).status_code == 404
    certificate = admin.get("/requests/certificate/1?as=json").text
    assert "Zara" not in certificate
    assert admin.get("/requests/certificate/1").status_code == 200


def test_wrong_links_are_refused_with_a_trace(house: House, app: Flask) -> None:
    stranger = Visitor(app.test_client())
    paths = ["/privacy/package/made-up", "/privacy/status/1-abc", "/privacy/confirm/1-abc", "/privacy/request/9-abc"]
    for path in paths:
        answer = stranger.get(path)
        assert answer.status_code == 404
        assert "made-up" not in answer.text
    with house.work(factories.ADMINISTRATOR) as work, guard.platform_scope(work.session, "test"):
        refused = select(func.count(AuditEntry.id)).where(AuditEntry.verb == "subject_request.link_refused")
        assert work.session.scalar(refused) == len(paths)


def test_who_tries_many_links_is_slowed_and_fills_no_log(
    house: House, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(denials, "MOST_STRANGERS", 3)
    stranger = Visitor(app.test_client())
    kinds = ("package", "confirm", "request", *["status"] * 61)
    answers = [stranger.get(f"/privacy/{kind}/{n}-made-up").status_code for n, kind in enumerate(kinds)]
    assert answers == [404] * 63 + [429]
    with house.work(factories.ADMINISTRATOR) as work, guard.platform_scope(work.session, "test"):
        assert work.session.scalar(select(func.count(AuditEntry.id)).where(AuditEntry.actor_kind == "visitor")) == 3


def test_the_form_says_what_is_wrong_and_tells_nobody_anything(house: House, organisation: int, app: Flask) -> None:
    stranger = Visitor(app.test_client())
    form = _path(links.form_url(organisation))
    answer = stranger.post(form, form, {"kind": "access", "scheme": "email", "address": "nobody"})
    assert answer.status_code == 422
    assert "name@example.com" in answer.text
    known = stranger.post(form, form, {"kind": "access", "scheme": "email", "address": ZARA})
    unknown = stranger.post(form, form, {"kind": "access", "scheme": "email", "address": "who@example.org"})
    pages = [stranger.get(str(each.location)).text for each in (known, unknown)]
    assert re.sub(r'value="[^"]+"', "", pages[0]) == re.sub(r'value="[^"]+"', "", pages[1])
    answers = [stranger.post(form, form, {"kind": "x"}).status_code for _ in range(12)]
    assert answers[-1] == 429


def test_the_platform_and_an_organisation_answer_their_own(house: House, organisation: int, app: Flask) -> None:
    with house.work(factories.ADMINISTRATOR, None) as work:
        to_platform = intake.submit(work, Asked("access", "email", ZARA, proof="Saw her")).id
    other = factories.organisation(house)
    with house.work(factories.ADMINISTRATOR, other) as work:
        to_other = intake.submit(work, Asked("access", "email", ZARA, proof="Saw her")).id
    admin = visitor(app, roles.ORGANISATION_ADMINISTRATOR)
    for request_id in (to_platform, to_other):
        assert admin.get(f"/requests/show/{request_id}").status_code == 404
        assert admin.get(f"/requests/show/{request_id}?of=platform").status_code == 404
        assert admin.post(f"/requests/plan/{request_id}?of=platform", "/profile/").status_code == 404
    operator = visitor(app, roles.PLATFORM_ADMINISTRATOR)
    assert operator.get(f"/requests/show/{to_platform}?of=platform").status_code == 200
    operator.post(f"/requests/plan/{to_platform}?of=platform", "/profile/", {"reason": "She asked"})
    with house.work(factories.ADMINISTRATOR) as work:
        assert work.session.get_one(SubjectRequest, to_platform).state == "planned"
    assert f"{to_platform}" in operator.get("/decisions/list/").text
    assert visitor(app, roles.ANALYST).get("/requests/list/").status_code == 403
    assert visitor(app, roles.AUDITOR).get("/decisions/list/").status_code == 200


def test_impossible_dates_are_refused_in_the_panel(app: Flask) -> None:
    admin = visitor(app, roles.ORGANISATION_ADMINISTRATOR)
    said = {"kind": "access", "scheme": "email", "address": ZARA, "proof": "Saw her"}
    for day in ("2026-02-31", "2199-01-01", "1999-01-01", "soon"):
        answer = admin.post("/requests/add", "/requests/add", said | {"received_on": day})
        assert answer.status_code == 422, day


@pytest.mark.parametrize(("size", "theme"), [(DESKTOP, "light"), (PHONE, "dark")], ids=["desktop", "phone"])
def test_every_page_is_fit_to_be_seen(
    chromium: Browser, house: House, organisation: int, app: Flask, size: dict[str, int], theme: str
) -> None:
    with house.work(factories.ADMINISTRATOR, organisation) as work:
        for kind in ("deletion", "correction", "access"):
            intake.submit(work, Asked(kind, "email", ZARA, "Zara Khan", "Please", proof="Saw her card"))
        waiting = intake.submit(work, Asked("objection", "email", "late@example.org")).id
        proof.send(work, waiting)
    with served(app) as address, person(chromium, address, size, theme) as zara:
        zara.open(_path(links.form_url(organisation)))
        expect(zara.page.get_by_role("heading", name="Your data, your rights")).to_be_visible()
        zara.shoot("privacy-form")
        zara.page.get_by_label("Delete my data").check()
        zara.page.get_by_label("Where do we reach you?").select_option("email")
        zara.fill("Your address there", "new@example.org")
        zara.press("Send my request")
        zara.shoot("privacy-confirm")
        zara.fill("Code", _code(house))
        zara.press("Confirm my request")
        expect(zara.page.get_by_text("You have confirmed")).to_be_visible()
        zara.shoot("privacy-status")
        zara.sign_in(roles.ORGANISATION_ADMINISTRATOR)
        zara.open("/requests/list/")
        zara.shoot("requests")
        for number, name in ((1, "deletion"), (2, "correction"), (waiting, "unproved")):
            zara.open(f"/requests/show/{number}")
            zara.shoot(f"request-{name}")
        zara.open("/requests/show/1")
        zara.press("Plan it, and ask a second person")
        zara.shoot("request-planned")
        zara.open("/decisions/list/")
        zara.shoot("decisions")
        zara.page.get_by_role("link", name=re.compile("Carry out deletion")).first.click()
        zara.shoot("decision")
        zara.open("/requests/add")
        zara.shoot("request-add")
