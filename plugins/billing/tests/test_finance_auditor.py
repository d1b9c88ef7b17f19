"""A finance auditor reads everything about money, of every organisation, and changes nothing."""

from collections.abc import Iterator

import pytest
from flask import Flask
from invoicing_scene import bought, sell

from connectpulse.house import House
from connectpulse.testing import factories
from connectpulse.web.security import roles
from tests.house import declared
from tests.house.declared import Door
from tests.journeys.panel_scene import Visitor, panel, visitor

pytestmark = pytest.mark.metered
AUDITOR = "Finance auditor"


@pytest.fixture
def app(house: House, organisation: int) -> Flask:
    return panel(house, organisation)


def _of_billing() -> Iterator[tuple[str, Door]]:
    for module in declared._files():
        if "/billing/" in str(module.__file__):
            yield from module.DOORS.items()


def test_every_page_is_read_and_none_is_changed(house: House) -> None:
    given = roles.rights(house.registry)
    doors = list(_of_billing())
    assert len(doors) > 50
    assert [name for name, door in doors if door.verb == roles.READ and not door.opens(AUDITOR, "GET", given)] == []
    assert [name for name, door in doors if door.verb != roles.READ and door.opens(AUDITOR, "GET", given)] == []
    assert [name for name, door in doors if door.post and door.opens(AUDITOR, "POST", given)] == []


def test_the_papers_of_each_organisation_are_read(house: House, organisation: int, app: Flask) -> None:
    sell(house)
    bought(house, organisation, "r-1")
    other = factories.organisation(house, "Other")
    bought(house, other, "r-2")
    auditor = visitor(app, AUDITOR)
    for each, number, foreign in ((organisation, "CP-000001", "CP-000002"), (other, "CP-000002", "CP-000001")):
        auditor.post("/profile/organisation", "/help/", {"organisation": str(each)})
        page = auditor.get("/billing/invoices/list/").text
        assert number in page
        assert foreign not in page
        assert "Order" in auditor.get("/billing/orders/list/").text
        for path in ("statements/", "details/", "units/list/", "lots/list/", "subscription/", "alerts/", "overview/"):
            assert auditor.get(f"/billing/{path}").status_code == 200, path


def test_nothing_is_offered_that_would_be_denied(house: House, organisation: int, app: Flask) -> None:
    sell(house)
    bought(house, organisation, "r-1")
    auditor = visitor(app, AUDITOR)
    for path in ("details/", "alerts/", "subscription/", "invoices/show/1", "orders/show/1"):
        assert _forms(auditor, f"/billing/{path}") == [], path
    manager = visitor(app, "Billing manager")
    assert _forms(manager, "/billing/invoices/show/1") != []
    for path in ("/billing/details/save", "/billing/invoices/send/1"):
        assert auditor.post(path, "/help/").status_code in (302, 403)


def _forms(person: Visitor, path: str) -> list[str]:
    """Return where the page's own content posts to."""
    main = person.get(path).text.partition("<main")[2].partition("</main>")[0]
    return [each.partition('"')[0] for each in main.split('action="')[1:] if '<button class="btn' in each]
