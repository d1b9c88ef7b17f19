"""What an erasure leaves of a person who bought: the document, its number and its sums, under a pseudonym."""

import re
from dataclasses import replace

import pytest
from connectpulse_billing.invoicing import entities, erasing, pdf
from connectpulse_billing.invoicing.tables import Buyer, Invoice
from invoicing_scene import BUYER, DETAILS, bought, documents, sell
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from connectpulse.core.api import Subject, platform_scope
from connectpulse.house import House
from connectpulse.testing import factories
from connectpulse.testing.factories import ADMINISTRATOR

pytestmark = pytest.mark.metered
ZARA = {
    "name": "Zara Canary", "address": "House 7, Canary Lane", "ntn": "3520212345671", "strn": "",
    "email": "zara@canary.example",
}  # fmt: skip
PERSON = Subject(None, (("email", ZARA["email"]),))


def _erase(house: House, subject: Subject) -> list[int]:
    with house.work(ADMINISTRATOR) as work, platform_scope(work.session, "erase a person"):
        return [each.erase(work, subject) for each in (erasing.BUYER, erasing.INVOICE)]


def _says(house: House, organisation: int, details: dict[str, object]) -> None:
    with house.work(BUYER, organisation) as work:
        entities.save_buyer(work, details)


def test_a_person_who_bought_becomes_a_pseudonym(house: House, organisation: int) -> None:
    sell(house, labels="en+ur")
    _says(house, organisation, ZARA | {"is_person": "yes"})
    bought(house, organisation, "r-1")
    bought(house, organisation, "r-2")
    other = factories.organisation(house, "Other")
    _says(house, other, DETAILS)
    bought(house, other, "r-3")
    before = documents(house)
    assert before[0].buyer["name"] == ZARA["name"]
    assert _erase(house, PERSON) == [1, 2]
    after = documents(house)
    pseudonym = after[0].buyer["name"]
    assert re.fullmatch("Person [0-9A-F]{12}", pseudonym)
    for was, now in zip(before[:2], after[:2], strict=True):
        assert now.buyer == {"name": pseudonym, "address": "", "ntn": "", "strn": ""}
        assert (now.number, now.total, now.lines, now.issued_at) == (was.number, was.total, was.lines, was.issued_at)
    assert after[2].buyer == before[2].buyer
    assert pseudonym in str(pdf.document(after[0]))
    assert pdf.render(after[0]) != pdf.render(before[0])
    assert _erase(house, PERSON) == [0, 0], "a second time finds nobody"
    with house.engine.connect() as connection:
        for table in ("billing_invoice", "billing_buyer", "billing_order", "pulse_audit"):
            rows = connection.execute(text(f"SELECT t::text FROM {table} t")).scalars().all()
            assert not [row for row in rows if "canary" in row.lower() or ZARA["ntn"] in row], table


def test_a_name_alone_is_found_too(house: House, organisation: int) -> None:
    sell(house)
    _says(house, organisation, ZARA | {"email": ""})
    bought(house, organisation, "r-1")
    subject = replace(PERSON, addresses=(), names=(ZARA["name"],))
    assert _erase(house, replace(subject, organisation_id=organisation + 1)) == [0, 0]
    assert _erase(house, replace(subject, organisation_id=organisation)) == [1, 1]


def test_a_company_keeps_its_name_and_loses_the_address_of_a_person(house: House, organisation: int) -> None:
    sell(house)
    _says(house, organisation, DETAILS | {"email": ZARA["email"]})
    bought(house, organisation, "r-1")
    assert _erase(house, PERSON) == [1, 0]
    assert documents(house)[0].buyer["name"] == DETAILS["name"]
    with house.work(BUYER, organisation) as work:
        said = work.session.scalars(select(Buyer)).one()
        assert (said.name, said.address, said.email) == (DETAILS["name"], DETAILS["address"], "")


def test_a_copy_shows_the_person_their_documents(house: House, organisation: int) -> None:
    sell(house)
    _says(house, organisation, ZARA | {"is_person": "yes"})
    bought(house, organisation, "r-1")
    with house.work(ADMINISTRATOR) as work, platform_scope(work.session, "copy"):
        [told] = erasing.INVOICE.export(work, PERSON)
    assert told["number"] == "CP-000001"
    assert told["buyer"]["address"] == ZARA["address"]


@pytest.mark.parametrize(
    "act",
    [
        """SET buyer = jsonb_set(buyer, '{name}', '"Somebody Else"')""",
        """SET buyer = jsonb_set(buyer, '{name}', '"Person 0123456789AB"')""",
        """SET buyer = '{"name": "Person 0123456789AB", "address": "", "ntn": "", "strn": ""}', total = 1""",
    ],
)
def test_nothing_but_a_pseudonym_can_be_put_in(house: House, organisation: int, act: str) -> None:
    sell(house)
    _says(house, organisation, DETAILS)
    bought(house, organisation, "r-1")
    with house.engine.connect() as connection, pytest.raises(DBAPIError, match="stays as it is"):
        connection.execute(text(f"UPDATE {Invoice.__tablename__} {act}"))


def test_the_language_is_that_of_the_day_it_was_written(house: House, organisation: int) -> None:
    entity = sell(house, labels="en+ur")
    bought(house, organisation, "r-1")
    with house.work(ADMINISTRATOR) as work:
        row = work.session.get_one(entities.LegalEntity, entity)
        entities.save(work, row, {name: getattr(row, name) for name in _KEPT} | {"labels": "en"})
    bought(house, organisation, "r-2")
    both, english = documents(house)
    assert pdf.document(both)["urdu"]["Total"] == "کل رقم"
    assert pdf.document(english)["urdu"] == {}
    made = pdf.render(both)
    assert b"Nastaliq" in made
    assert b"Nastaliq" not in pdf.render(english)
    said = pdf.document(both)
    printed = {said["title"], *said["headings"], said["total"]["label"], "To", "NTN", "STRN", "Paid", "Bank details"}
    assert printed <= set(said["urdu"]), "every label has its Urdu"


_KEPT = ("name", "seat", "currency", "ntn", "strn", "prefix", "bank_details", "footer", "is_active")
