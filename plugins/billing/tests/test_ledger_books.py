"""Units come, are set aside, spent, given back, expire and are taken back; nothing is lost, made or negative."""

from decimal import Decimal
from threading import Barrier, Thread

import pytest
from connectpulse_billing.ledger import balances, books, checking, grants
from connectpulse_billing.ledger.books import Posting
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from connectpulse.core.api import OutOfUnits, Refused, Work
from connectpulse.core.domain.contracts import Purpose, Tariff
from connectpulse.core.services import records
from connectpulse.core.storage.models import Organisation
from connectpulse.house import House
from connectpulse.testing.factories import ADMINISTRATOR

pytestmark = pytest.mark.metered
ONE = Decimal(1)


@pytest.fixture
def poor(house: House) -> int:
    """An organisation without units."""
    with house.work(ADMINISTRATOR) as work:
        made = Organisation(name="Without units", country="PK", timezone="UTC")
        return records.create(work, made, "organisation.created").id


def reserve(work: Work, organisation_id: int, units: Decimal, campaign_id: int | None = None) -> None:
    tariff = Tariff(organisation_id, "sms", Purpose.PROMOTIONAL, "MEHR")
    work.registry.ledger.reserve(work, tariff, campaign_id, units)


def test_a_grant_is_given_once(house: House, poor: int) -> None:
    for _ in range(10):
        with house.work(ADMINISTRATOR) as work:
            entry = grants.grant(work, poor, Decimal("12.5"), "order", "7")
            assert (entry.available, entry.issued) == (Decimal("12.5"), Decimal("-12.5"))
    with house.work(ADMINISTRATOR) as work:
        assert balances.of(work, poor).available == Decimal("12.5")
        assert checking.faults(work) == []


def test_what_is_spent_already_is_owed_when_a_grant_is_reversed(house: House, poor: int) -> None:
    with house.work(ADMINISTRATOR) as work:
        grants.grant(work, poor, Decimal(10), "order", "7")
        reserve(work, poor, Decimal(4))
        assert grants.reverse(work, poor, "order", "7") == 4
        assert grants.reverse(work, poor, "order", "7") == 4
        assert balances.of(work, poor).available == 0
        assert balances.of(work, poor).reserved == 4
        assert checking.faults(work) == []


def test_partial_reversals_have_keys(house: House, poor: int) -> None:
    with house.work(ADMINISTRATOR) as work:
        grants.grant(work, poor, Decimal(10), "order", "7")
        for key in ("a", "b", "a"):
            assert grants.reverse(work, poor, "order", "7", Decimal(3), key=key) == 0
        assert balances.of(work, poor).available == 4


def test_nobody_spends_more_than_there_is(house: House, poor: int) -> None:
    with house.work(ADMINISTRATOR) as work:
        grants.grant(work, poor, Decimal(10), "order", "7")
        with pytest.raises(OutOfUnits, match="1 more units"):
            reserve(work, poor, Decimal(11))
        assert balances.of(work, poor).available == 10


@pytest.mark.parametrize("units", ["0", "-1", "0.00001"])
def test_a_grant_is_a_proper_number(house: House, poor: int, units: str) -> None:
    with house.work(ADMINISTRATOR) as work, pytest.raises(Refused):
        grants.grant(work, poor, Decimal(units), "order", "7")


def test_sixty_four_threads_that_spend_the_last_ten_units_get_exactly_ten(house: House, poor: int) -> None:
    with house.work(ADMINISTRATOR) as work:
        grants.grant(work, poor, Decimal(10), "order", "7")
    ready, got = Barrier(64, timeout=30), []

    def spend() -> None:
        ready.wait()
        try:
            with house.work(ADMINISTRATOR) as work:
                reserve(work, poor, ONE)
        except OutOfUnits:
            return
        got.append(1)

    threads = [Thread(target=spend) for _ in range(64)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(got) == 10
    with house.work(ADMINISTRATOR) as work:
        assert balances.of(work, poor).available == 0
        assert checking.faults(work) == []


@pytest.mark.parametrize(
    "statement",
    ["UPDATE billing_entry SET available = 0", "DELETE FROM billing_entry", "TRUNCATE billing_entry"],
)
def test_the_database_refuses_to_change_an_entry(house: House, poor: int, statement: str) -> None:
    with house.work(ADMINISTRATOR) as work:
        grants.grant(work, poor, Decimal(10), "order", "7")
    with pytest.raises(DBAPIError, match="only ever added to"), house.work(ADMINISTRATOR) as work:
        work.session.execute(text(statement))


def test_an_entry_that_sums_to_something_is_refused(house: House, poor: int) -> None:
    with pytest.raises(DBAPIError), house.work(ADMINISTRATOR) as work:
        books.append(work, [Posting(organisation_id=poor, kind="settle", spent=ONE)])


def test_what_retention_removes_is_carried_on(house: House, poor: int) -> None:
    with house.work(ADMINISTRATOR) as work:
        grants.grant(work, poor, Decimal(10), "order", "7")
        work.session.execute(text("ALTER TABLE billing_entry DISABLE TRIGGER billing_entry_guard"))
        work.session.execute(text("DELETE FROM billing_entry"))
        work.session.execute(text("ALTER TABLE billing_entry ENABLE TRIGGER billing_entry_guard"))
        assert checking.faults(work) == []
        work.session.execute(text("UPDATE billing_opening SET available = 9, issued = -9"))
        assert any("10" in fault and "9" in fault for fault in checking.faults(work))
