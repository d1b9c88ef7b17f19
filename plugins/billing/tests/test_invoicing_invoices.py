"""Invoices: one for each paid order, numbered without gaps, never changed, and right to the last hundredth."""

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest
from connectpulse_billing.buying import reversals
from connectpulse_billing.invoicing import duties, entities, invoices, pdf
from connectpulse_billing.invoicing.tables import Invoice, LegalEntity
from invoicing_scene import BUYER, DETAILS, SELLER, bought, documents, pay, place, sell
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from connectpulse.core.api import Refused, platform_scope
from connectpulse.house import House
from connectpulse.testing import factories
from connectpulse.testing.factories import ADMINISTRATOR

pytestmark = pytest.mark.metered


def test_a_paid_order_has_its_invoice_at_once(house: House, organisation: int) -> None:
    sell(house)
    with house.work(BUYER, organisation) as work:
        entities.save_buyer(work, DETAILS)
    order = bought(house, organisation, "r-1", quantity=3)
    [made] = documents(house)
    assert (made.number, made.order_id, made.kind) == ("CP-000001", order, "invoice")
    assert (made.net, made.tax, made.total) == (Decimal("3000.00"), Decimal("540.00"), Decimal("3540.00"))
    assert made.buyer == {"name": "Karachi Traders", "address": "Clifton", "ntn": "", "strn": ""}
    assert made.seller["name"] == SELLER["name"]
    assert made.lines == [
        {"title": "1,000 units", "quantity": 3, "price": "1000.00", "net": "3000.00", "tax": "540.00",
         "taxes": [{"name": "GST", "percent": "18", "amount": "540.00"}]}
    ]  # fmt: skip


def test_what_was_written_stays_when_the_seller_and_the_buyer_change(house: House, organisation: int) -> None:
    entity = sell(house)
    bought(house, organisation, "r-1")
    with house.work(ADMINISTRATOR) as work:
        entities.save(work, work.session.get_one(LegalEntity, entity), SELLER | {"name": "Another Limited"})
        with pytest.raises(Refused, match="stay as they are"):
            entities.save(work, work.session.get_one(LegalEntity, entity), SELLER | {"prefix": "XX-"})
    assert documents(house)[0].seller["name"] == SELLER["name"]


@pytest.mark.parametrize(
    "act", ["UPDATE billing_invoice SET total = 1", "DELETE FROM billing_invoice", "TRUNCATE billing_invoice"]
)
def test_the_database_refuses_to_change_an_invoice(house: House, organisation: int, act: str) -> None:
    sell(house)
    bought(house, organisation, "r-1")
    with house.engine.connect() as connection, pytest.raises(DBAPIError, match="stays as it is"):
        connection.execute(text(act))


def test_numbers_have_no_gap_and_no_double_whoever_writes_and_fails(house: House, organisation: int) -> None:
    sell(house)
    with house.work(BUYER, organisation) as work:
        numbers = [place(work, f"r-{n}").id for n in range(24)]

    def settle(number: int) -> None:
        try:
            with house.work(BUYER, organisation) as work:
                order = place(work, f"r-{numbers.index(number)}")
                pay(work, order)
                if number % 3 == 0:
                    raise ZeroDivisionError  # the process dies before it commits
        except ZeroDivisionError:
            pass

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(settle, numbers))
    found = documents(house)
    assert len(found) == sum(number % 3 != 0 for number in numbers)
    assert sorted(each.sequence for each in found) == list(range(1, len(found) + 1))


def test_corrections_of_money_that_went_back_add_up_to_the_invoice(house: House, organisation: int) -> None:
    sell(house)
    order = bought(house, organisation, "r-1", price="333.33")
    for number, amount in enumerate(("100.00", "100.01", "500.00")):
        with house.work(ADMINISTRATOR) as work:
            reversals.mark_reversed(
                work, order, source="refund", reference=f"re-{number}", amount=Decimal(amount), currency="PKR",
                reason="Ordered twice",
            )  # fmt: skip
    invoice, *corrections = documents(house)
    assert [each.number for each in corrections] == ["CP-C000001", "CP-C000002", "CP-C000003"]
    assert {each.corrects_id for each in corrections} == {invoice.id}
    assert sum(each.total for each in corrections) == invoice.total == Decimal("393.33")
    assert sum(each.tax for each in corrections) == invoice.tax
    assert all(each.total == each.net + each.tax and each.title == "Credit note" for each in corrections)


def test_an_order_that_is_paid_before_anybody_sells_gets_its_invoice_later(house: House, organisation: int) -> None:
    order = bought(house, organisation, "r-1")
    assert documents(house) == []
    with house.work(ADMINISTRATOR) as work:
        assert "1 paid orders have no invoice" in duties.check(work).detail
        assert invoices.issue_owed(work) == 0
    sell(house)
    with house.work(ADMINISTRATOR) as work:
        assert [invoices.issue_owed(work) for _ in range(2)] == [1, 0]
        assert duties.check(work).is_healthy
    assert [each.order_id for each in documents(house)] == [order]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [({"ntn": "12"}, "NTN"), ({"strn": "x"}, "STRN"), ({"prefix": "inv 1"}, "Prefix"),
     ({"currency": "ABC"}, "currency"), ({"name": "  "}, "Name")],
)  # fmt: skip
def test_a_company_is_refused_for_what_is_wrong(house: House, wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(Refused, match=said), house.work(ADMINISTRATOR) as work:
        entities.save(work, None, SELLER | wrong)


def test_two_companies_cannot_share_their_numbers(house: House) -> None:
    sell(house)
    with pytest.raises(Refused, match="another legal entity"), house.work(ADMINISTRATOR) as work:
        entities.save(work, None, SELLER | {"name": "Other"})


def test_a_company_that_sold_cannot_be_deleted(house: House, organisation: int) -> None:
    entity = sell(house)
    bought(house, organisation, "r-1")
    with pytest.raises(Refused, match="kept by law"), house.work(ADMINISTRATOR) as work:
        entities.remove(work, work.session.get_one(LegalEntity, entity))


def test_whatever_people_write_is_printed_and_never_run(house: House, organisation: int) -> None:
    hostile = '#eval("1") $x$ *b* _i_ @a <b> \\ // /* `r` #import "x": * [ ] { } کنیکٹ پلس'
    sell(house, name=hostile, seat=hostile, footer=hostile, bank_details=hostile)
    with house.work(BUYER, organisation) as work:
        entities.save_buyer(work, DETAILS | {"name": hostile, "address": hostile})
    bought(house, organisation, "r-1")
    [made] = documents(house)
    first = pdf.render(made)
    assert first.startswith(b"%PDF-")
    assert pdf.render(made) == first
    assert b"Nastaliq" in first


def test_another_organisation_sees_none_of_it(house: House, organisation: int) -> None:
    sell(house)
    bought(house, organisation, "r-1")
    other = factories.organisation(house, "Other")
    with house.work(BUYER, other) as work:
        assert work.session.scalars(select(Invoice)).all() == []
        with platform_scope(work.session, "test"):
            assert len(work.session.scalars(select(Invoice)).all()) == 1


def test_what_was_paid_back_before_anybody_sold_is_corrected_when_the_invoice_comes(
    house: House, organisation: int
) -> None:
    order = bought(house, organisation, "r-1")
    for number, amount in enumerate(("400.00", "600.00")):
        with house.work(ADMINISTRATOR) as work:
            reversals.mark_reversed(
                work, order, source="refund", reference=f"re-{number}", amount=Decimal(amount), currency="PKR",
                reason="Ordered twice",
            )  # fmt: skip
    sell(house)
    for _ in range(2):
        with house.work(ADMINISTRATOR) as work:
            invoices.issue_owed(work)
    invoice, *corrections = documents(house)
    assert [each.total for each in corrections] == [Decimal("400.00"), Decimal("600.00")]
    assert {each.corrects_id for each in corrections} == {invoice.id}


@pytest.mark.parametrize(("first", "second"), [("INV", "INVC"), ("INVC", "INV"), ("A-", "A-")])
def test_no_invoice_can_have_the_number_of_a_credit_note(house: House, first: str, second: str) -> None:
    sell(house, prefix=first)
    with pytest.raises(Refused, match="another legal entity"), house.work(ADMINISTRATOR) as work:
        entities.save(work, None, SELLER | {"name": "Other", "prefix": second})


def test_a_prefix_does_not_run_into_its_number(house: House) -> None:
    with pytest.raises(Refused, match="a letter or a hyphen"), house.work(ADMINISTRATOR) as work:
        entities.save(work, None, SELLER | {"prefix": "A1"})


def test_fields_that_were_left_empty_are_empty(house: House) -> None:
    empty = dict.fromkeys(("seat", "ntn", "strn", "bank_details", "footer"))
    entity = sell(house, **empty)
    with house.work(ADMINISTRATOR) as work:
        row = work.session.get_one(LegalEntity, entity)
        assert [getattr(row, name) for name in empty] == [""] * len(empty)
