"""Legal holds as people place and lift them, and what the second person of a decision reads before they say yes."""

import re
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Browser
from sqlalchemy import select

from connectpulse.core.services.notices import mail
from connectpulse.core.services.retention import holds, lifting
from connectpulse.core.services.rights import intake
from connectpulse.core.services.rights.intake import Asked
from connectpulse.core.services.work import SYSTEM
from connectpulse.core.storage.models import Decision, Hold
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


def standing(house: House) -> list[Hold]:
    with house.work(SYSTEM) as work:
        return list(work.session.scalars(select(Hold).order_by(Hold.id)))


def decision(house: House, act: str) -> int:
    with house.work(SYSTEM) as work:
        return work.session.scalars(select(Decision.id).where(Decision.act == act)).one()


def words(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub("<[^>]*>", " ", page))


def fields(page: str) -> set[str]:
    return set(re.findall(r'id="field-(\w+)"', page))


def placed(who: Visitor, query: str, given: dict[str, str]) -> str:
    answer = who.post(f"/holds/add?{query}", f"/holds/add?{query}", given)
    assert answer.status_code == 302, words(answer.text)
    return str(answer.location)


def test_a_form_asks_only_what_its_kind_of_hold_needs(app: Flask) -> None:
    admin = visitor(app, roles.ORGANISATION_ADMINISTRATOR)
    assert fields(admin.get("/holds/add").text) == {"scheme", "value", "reason"}
    assert fields(admin.get("/holds/add?kind=organisation").text) == {"reason"}
    assert fields(admin.get("/holds/add?kind=class").text) == {"table_name", "reason"}
    assert admin.get("/holds/add?kind=nothing").status_code == 404
    platform = visitor(app, roles.PLATFORM_ADMINISTRATOR)
    across = platform.get("/holds/add?of=platform").text
    assert "It binds every organisation of this platform" in across
    assert "kind=organisation" not in across
    assert platform.get("/holds/add?of=platform&kind=organisation").status_code == 404


def test_a_person_is_held_by_their_whatsapp_id(house: House, app: Flask) -> None:
    admin = visitor(app, roles.ORGANISATION_ADMINISTRATOR)
    given = {"scheme": "whatsapp", "value": "0300 1234567", "reason": "Case 12"}
    shown = admin.get(placed(admin, "kind=subject", given)).text
    assert "the person with the WhatsApp id +923001234567" in shown
    wrong = admin.post("/holds/add?kind=subject", "/holds/add", given | {"value": "nobody"})
    assert wrong.status_code == 422
    assert re.search(r'id="fault-value">[^<]+<', wrong.text), "the fault stands beside the address"
    assert [(each.scheme, each.value) for each in standing(house)] == [("whatsapp", "+923001234567")]


def test_lifting_is_seen_to_wait_and_the_asker_cannot_approve(house: House, app: Flask) -> None:
    admin = visitor(app, roles.ORGANISATION_ADMINISTRATOR)
    shown = placed(admin, "kind=class", {"table_name": "pulse_contact", "reason": "A court asked"})
    assert "stands" in words(admin.get("/holds/list/").text)
    admin.post(shown.replace("show", "lift"), shown, {"reason": "It is closed"})
    page = admin.get(shown).text
    assert "awaits a second person" in page
    assert "Ask a second person" not in page, "it is asked already"
    assert "lifting awaits a second person" in admin.get("/holds/list/").text
    number = decision(house, holds.LIFT)
    assert admin.post(f"/decisions/approve/{number}", "/profile/").status_code == 403
    second = visitor(app, roles.PLATFORM_ADMINISTRATOR)
    read = words(second.get(f"/decisions/show/{number}").text)
    assert "All contacts no longer held" in read
    assert "because: A court asked" in read
    assert "kept By law: why records were held is proved for two years." in read
    assert standing(house)[0].lifted_at is None
    assert second.post(f"/decisions/approve/{number}", "/profile/").status_code == 302
    assert standing(house)[0].lifted_at is not None
    assert "lifted" in admin.get(shown).text


def test_what_other_holds_still_keep_is_told(house: House, organisation: int) -> None:
    with house.work(factories.ADMINISTRATOR, organisation) as work:
        mine = holds.place(work, holds.SUBJECT, "Case 1", scheme="email", value=ZARA).id
        assert "no longer held" in {each.deed for each in lifting.explain(work, mine, {}).effects}
        holds.place(work, holds.SUBJECT, "Case 2", scheme="email", value="other@example.org")
        assert lifting.explain(work, mine, {}).notes
        holds.place(work, holds.SUBJECT, "Case 3", scheme="email", value=ZARA)
        told = lifting.explain(work, mine, {})
    assert [each.deed for each in told.effects] == ["lifted", "kept", "kept", "kept"]
    assert "Case 3" in told.effects[1].why
    assert "Case 2" not in told.effects[1].why


def test_a_hold_on_every_organisation_is_the_platforms(house: House, organisation: int, app: Flask) -> None:
    platform, admin = visitor(app, roles.PLATFORM_ADMINISTRATOR), visitor(app, roles.ORGANISATION_ADMINISTRATOR)
    given = {"scheme": "email", "value": ZARA, "reason": "Case 13"}
    shown = placed(platform, "of=platform&kind=subject", given)
    assert "of=platform" in shown
    assert "every organisation" in platform.get(shown).text
    assert ZARA in platform.get("/holds/list/?of=platform").text
    row = standing(house)[0]
    assert row.organisation_id is None
    with house.work(SYSTEM, organisation) as work:
        assert [each.id for each in holds.all_standing(work)] == [row.id]
    assert admin.get(shown).status_code == 404
    assert ZARA not in admin.get("/holds/list/?of=platform").text
    placed(admin, "of=platform&kind=subject", given)
    assert standing(house)[1].organisation_id == organisation, "who is of one organisation holds there only"
    platform.post(shown.replace("show", "lift"), shown, {"reason": "Over"})
    assert "awaits a second person" in platform.get(shown).text
    number = decision(house, holds.LIFT)
    assert platform.post(f"/decisions/approve/{number}", "/profile/").status_code == 403
    assert "placed in every organisation because: Case 13" in words(platform.get(f"/decisions/show/{number}").text)


def test_an_erasure_is_decided_by_words_and_not_by_a_digest(house: House, organisation: int, app: Flask) -> None:
    with house.work(factories.ADMINISTRATOR, organisation) as work:
        holds.place(work, holds.CLASS, "A court asked", table_name="pulse_consent")
        row = intake.submit(work, Asked("deletion", "email", ZARA, proof="Passport seen")).id
    admin = visitor(app, roles.ORGANISATION_ADMINISTRATOR)
    admin.post(f"/requests/plan/{row}", f"/requests/show/{row}", {"reason": "She asked"})
    number = decision(house, intake.ACT)
    approver = visitor(app, roles.APPROVER)
    page = approver.get(f"/decisions/show/{number}").text
    table = words(page[page.index("<table") : page.index("</table>")])
    assert re.search(r"Contacts 1 erased", table), table
    assert "What is erased cannot be brought back." in page
    with house.work(factories.ADMINISTRATOR, organisation) as work:
        factories.contact(work, "+923007654321", "Nobody")
    assert "changed since" not in approver.get(f"/decisions/show/{number}").text
    with house.work(factories.ADMINISTRATOR, organisation) as work:
        intake.submit(work, Asked("access", "email", ZARA, proof="Passport seen"))
        holds.place(work, holds.SUBJECT, "Case 9", scheme="email", value=ZARA)
    page = approver.get(f"/decisions/show/{number}").text
    assert "It must be planned again before anybody approves it." in page
    assert "A legal hold keeps rows" in page


def test_closing_an_organisation_is_told_in_words(house: House, organisation: int, app: Flask) -> None:
    platform = visitor(app, roles.PLATFORM_ADMINISTRATOR)
    path = f"/organisations/show/{organisation}"
    platform.post(path.replace("show", "close"), path, {"reason": "They left"})
    page = words(platform.get(f"/decisions/show/{decision(house, 'organisation.close')}").text)
    assert "stopped At once" in page
    assert "erased 30 days after the approval." in page
    assert "Legal holds kept By law: Why records were held is proved for two years." in page


def test_an_auditor_finds_the_evidence_beside_the_log(app: Flask) -> None:
    auditor = visitor(app, roles.AUDITOR)
    for path in ("/audit/list/", "/audit/list/?of=platform"):
        assert 'href="/backups/evidence"' in auditor.get(path).text
    assert 'href="/backups/evidence"' not in visitor(app, roles.ORGANISATION_ADMINISTRATOR).get("/audit/list/").text


def test_support_promises_mail_only_where_mail_goes_out(app: Flask) -> None:
    said = {"name": "Zara", "email": ZARA, "subject": "A question", "body": "How is it?"}
    stranger = Visitor(app.test_client())
    thanks = stranger.post("/contact/", "/contact/", said).text
    assert "No mail goes out from here" in thanks
    thread = re.search(r'href="(/contact/thread/[^"]+)"', thanks)
    assert thread
    assert "How is it?" in stranger.get(thread[1]).text
    operator = visitor(app, roles.PLATFORM_ADMINISTRATOR)
    shown = re.search(r'href="(/support/show/\d+)"', operator.get("/support/list/").text)
    assert shown
    assert "no mail goes out from here" in operator.get(shown[1]).text
    mail.use("smtp://127.0.0.1:1?tls=none", "pulse@example.org")
    try:
        assert f"The answer goes to {ZARA}." in stranger.post("/contact/", "/contact/", said).text
        assert f"Answer, by mail to {ZARA}" in operator.get(shown[1]).text
    finally:
        mail.use("", "")


@pytest.mark.parametrize(("size", "theme", "is_rtl"), [(DESKTOP, "light", False), (PHONE, "dark", True)])
def test_they_are_fit_to_be_seen(
    house: House, organisation: int, app: Flask, chromium: Browser, size: dict[str, int], theme: str, is_rtl: bool
) -> None:
    with house.work(factories.ADMINISTRATOR, organisation) as work:
        first = holds.place(work, holds.SUBJECT, "Case 12 of the court in Lahore", scheme="email", value=ZARA).id
        held = holds.place(work, holds.CLASS, "A court asked", table_name="pulse_consent").id
        row = intake.submit(work, Asked("deletion", "phone", "+923001234567", proof="Passport seen")).id
    with served(app) as address, person(chromium, address, size, theme) as admin:
        if is_rtl:
            admin.page.add_init_script(
                "addEventListener('DOMContentLoaded', () => document.documentElement.dir = 'rtl')"
            )
        admin.sign_in(roles.PLATFORM_ADMINISTRATOR)
        for path, name in (
            ("/audit/list/?from=2026-13-45&verb=list.eaten&q=Zebedee&area=x", "audit-faults"),
            ("/audit/list/", "audit"), ("/policy/", "policy"),
                ("/holds/add", "hold-form"), ("/holds/add?kind=class&of=platform", "hold-class"),
        ):  # fmt: skip
            admin.open(path)
            admin.shoot(name)
        admin.open(f"/holds/show/{held}")
        admin.fill("Why it may be lifted", "The case is over")
        admin.press("Ask a second person")
        admin.sees("Lifting it awaits a second person")
        admin.shoot("hold-waits")
        admin.open("/holds/list/")
        admin.shoot("holds")
        admin.open(f"/decisions/show/{decision(house, holds.LIFT)}")
        admin.sees("What approving does")
        admin.shoot("decision-hold")
        with house.work(factories.ADMINISTRATOR, organisation) as work:
            hold = work.session.get_one(Hold, first)
            hold.lifted_at = work.clock()
        admin.open(f"/requests/show/{row}")
        admin.press("Plan it, and ask a second person")
        admin.open(f"/decisions/show/{decision(house, intake.ACT)}")
        admin.sees("What approving does")
        admin.shoot("decision-erasure")
