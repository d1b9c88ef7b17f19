"""Invoices by mail: to the address in the billing details, when they are written and whenever somebody asks."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from connectpulse_billing.invoicing import entities, mailing
from connectpulse_billing.invoicing.tables import Invoice
from invoicing_scene import BUYER, DETAILS, bought, sell
from sqlalchemy import select

from connectpulse.core.api import Refused, mail, platform_scope
from connectpulse.core.storage.models import Mail
from connectpulse.house import House
from connectpulse.testing.factories import ADMINISTRATOR
from connectpulse.web.security import roles
from tests.journeys.panel_scene import panel, visitor

pytestmark = pytest.mark.metered


@pytest.fixture
def post_office(house: House) -> Iterator[None]:
    assert house.engine  # opening a house says how it sends mail: this comes after
    mail.use("smtp://127.0.0.1:9?tls=none", "billing@pulse.example", "https://pulse.example")
    yield
    mail.use("", "")


def details(house: House, organisation: int) -> None:
    with house.work(BUYER, organisation) as work:
        entities.save_buyer(work, DETAILS)


def posted(house: House) -> list[tuple[str, str, str]]:
    with house.work(ADMINISTRATOR) as work, platform_scope(work.session, "test"):
        rows = work.session.scalars(select(Mail).order_by(Mail.id))
        return [(row.recipient, row.subject, row.content["text"]) for row in rows]


@pytest.mark.usefixtures("post_office")
def test_an_invoice_is_mailed_as_it_is_written_and_again_when_asked(house: House, organisation: int) -> None:
    details(house, organisation)
    sell(house)
    bought(house, organisation, "r-1", quantity=3)
    [(recipient, subject, body)] = posted(house)
    assert (recipient, subject) == (DETAILS["email"], "Invoice CP-000001")
    for said in (
        "3 x 1,000 units: 3,000.00",
        "GST 18 %: 540.00",
        "Total: PKR 3,540.00",
        "https://pulse.example/billing",
    ):
        assert said in body
    with house.work(BUYER, organisation) as work:
        number = work.session.scalars(select(Invoice.id)).one()
    page = visitor(panel(house, organisation), roles.ORGANISATION_ADMINISTRATOR)
    told = page.post(f"/billing/invoices/send/{number}", f"/billing/invoices/show/{number}", follow_redirects=True)
    assert f"It is on its way to {DETAILS['email']}" in told.text
    assert posted(house)[1] == posted(house)[0]


def test_nothing_is_mailed_without_a_server(house: House, organisation: int) -> None:
    details(house, organisation)
    sell(house)
    bought(house, organisation, "r-1")
    assert posted(house) == []
    with house.work(BUYER, organisation) as work, pytest.raises(Refused, match="sends no mail"):
        mailing.send(work, work.session.scalars(select(Invoice)).one())


@pytest.mark.usefixtures("post_office")
def test_nothing_is_mailed_without_an_address(house: House, organisation: int) -> None:
    sell(house)
    bought(house, organisation, "r-1")
    assert posted(house) == []
    with house.work(BUYER, organisation) as work, pytest.raises(Refused, match="billing details"):
        mailing.send(work, work.session.scalars(select(Invoice)).one())


@pytest.mark.usefixtures("post_office")
def test_a_document_is_mailed_five_times_an_hour_and_no_more(house: House, organisation: int) -> None:
    details(house, organisation)
    sell(house)
    bought(house, organisation, "r-1")
    bought(house, organisation, "r-2")
    with house.work(BUYER, organisation) as work:
        first, second = work.session.scalars(select(Invoice).order_by(Invoice.id))
        for _ in range(mailing.MOST_AN_HOUR):
            mailing.send(work, first)
        with pytest.raises(Refused, match="5 times within an hour"):
            mailing.send(work, first)
        mailing.send(work, second)
        later = work.clock() + timedelta(minutes=61)
        work.clock = lambda: later
        mailing.send(work, first)
    assert len(posted(house)) == 2 + mailing.MOST_AN_HOUR + 2
