"""The pages of rate cards in a real browser, from the first card to a price somebody asks for."""

from pathlib import Path

import pytest
from connectpulse_billing.rates import cards, drafting
from flask import Flask

from connectpulse.house import House
from connectpulse.testing import factories
from connectpulse.testing.factories import ADMINISTRATOR
from connectpulse.web.security import roles
from tests.journeys import browsing, live
from tests.journeys.panel_scene import panel, visitor

pytestmark = [pytest.mark.metered, pytest.mark.slow]

HEADING = "channel,prefix,sender_kind,category,per,units\n"


@pytest.fixture
def organisation(house: House) -> int:
    """An organisation for which nobody made prices, as on a site that begins."""
    house.registry.demos.clear()
    return factories.organisation(house)


@pytest.fixture
def app(house: House, organisation: int) -> Flask:
    return panel(house, organisation)


def upload(person: browsing.Person, path: Path, content: str) -> None:
    path.write_text(HEADING + content, "utf-8")
    person.page.get_by_label("CSV file").set_input_files(path)
    person.press("Upload and see what changes")


def test_prices_from_a_file_to_a_number(app: Flask, tmp_path: Path) -> None:
    path = tmp_path / "rates.csv"
    with live.served(app) as address, browsing.browser() as chromium:
        with browsing.person(chromium, address, browsing.DESKTOP) as operator:
            operator.sign_in(roles.PLATFORM_ADMINISTRATOR)
            operator.open("/billing/cards/list/")
            operator.shoot("cards-empty")
            operator.open("/billing/cards/add")
            operator.fill("Name", "Wholesale")
            operator.press("Save")
            operator.follow("Wholesale")
            operator.shoot("card-new")
            upload(operator, path, "sms,+92,,,part,1.25\nsms,+92300,,,part,2\nsms,+1,,,part,\nfax,+1,,,part,1\n")
            operator.sees("The file was not taken and nothing was changed: 2 lines are wrong.")
            operator.sees("There is no channel 'fax'.")
            operator.shoot("card-faults")
            operator.complaints.clear()  # the browser tells of the answer 422
            upload(operator, path, "sms,+92,,,part,1.25\nsms,+92300,,,part,2\n")
            operator.sees("Look at what it changes")
            operator.shoot("version-first")
            operator.press("Publish")
            operator.sees("The prices are published.")
            operator.follow("All rates")
            operator.shoot("rates")
            operator.open("/billing/cards/show/1")
            upload(operator, path, "sms,+92,,,part,1.5\nsms,+971,,promotional,part,3\n")
            operator.sees("ended")
            operator.shoot("version-changes")
        with browsing.person(chromium, address, browsing.PHONE, "dark") as operator:
            operator.sign_in(roles.PLATFORM_ADMINISTRATOR)
            for name, page in (("card", "cards/show/1"), ("version", "versions/show/2"), ("cards", "cards/list/")):
                operator.open(f"/billing/{page}")
                operator.shoot(f"phone-{name}")
            operator.open("/billing/rates/list/?version=2")
            operator.follow("New rate")
            operator.page.locator("[name=channel]").select_option("sms")
            operator.fill("Destination begins with", "0044")
            operator.fill("Units", "4")
            operator.shoot("rate-form")
            operator.press("Save")
            operator.sees("+44")
            operator.shoot("phone-rates")
        with browsing.person(chromium, address, browsing.PHONE) as analyst:
            analyst.sign_in(roles.ANALYST)
            analyst.open("/billing/price/")
            analyst.page.locator("[name=channel]").select_option("sms")
            analyst.fill("To", "0300 1234567")
            analyst.fill("How many", "3")
            analyst.press("Say what it costs")
            analyst.sees("6 units")
            analyst.shoot("price")
            analyst.fill("To", "+971501234567")
            analyst.press("Say what it costs")
            analyst.sees("There is no price for destinations beginning with +971.")
            analyst.shoot("price-none")


def test_a_file_that_was_downloaded_can_be_uploaded_again(app: Flask, house: House, organisation: int) -> None:
    lines = "sms,+92,,,part,1.25\nsms,,,promotional,message,0\n"
    with house.work(ADMINISTRATOR, organisation) as work:
        card_id = cards.create(work, "Wholesale").id
        draft, faults = drafting.upload(work, card_id, (HEADING + lines).encode(), is_whole=True)
        assert draft is not None
        assert not faults
        version_id = draft.id
    operator = visitor(app, roles.PLATFORM_ADMINISTRATOR)
    answer = operator.get(f"/billing/versions/download/{version_id}")
    assert answer.data.decode("utf-8-sig").replace("\r\n", "\n") == HEADING + lines
    with house.work(ADMINISTRATOR, organisation) as work:
        cards.publish(work, version_id)
        again, faults = drafting.upload(work, card_id, answer.data, is_whole=True)
        assert again is not None
        found = drafting.difference(work, again)
        assert (found.added, found.changed, found.ended, found.same) == (0, 0, 0, 2)


def test_only_the_platform_changes_prices(app: Flask, house: House, organisation: int) -> None:
    with house.work(ADMINISTRATOR, organisation) as work:
        cards.create(work, "Wholesale")
    person = visitor(app, roles.ORGANISATION_ADMINISTRATOR)
    assert person.get("/billing/cards/list/").status_code in (302, 403)
    assert "Wholesale" not in person.get("/billing/cards/show/1", follow_redirects=True).text
    auditor = visitor(app, roles.AUDITOR)
    assert "Wholesale" in auditor.get("/billing/cards/list/").text
    assert "Upload" not in auditor.get("/billing/cards/show/1").text


def test_a_card_number_is_refused_where_a_page_is_written(app: Flask) -> None:
    person = visitor(app, roles.ORGANISATION_ADMINISTRATOR)
    answer = person.post("/help/", "/settings/", {"body": "My card is 4111 1111 1111 1111"})
    assert answer.status_code == 400
    assert "payment card" in answer.text
    assert "4111" not in answer.text
    answer = person.post("/contacts/add", "/contacts/add", {"name": "4111-1111-1111-1111", "phone": "+923001234567"})
    assert answer.status_code == 422
    assert "this looks like the number of a payment card" in answer.text
