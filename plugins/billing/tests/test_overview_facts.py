"""Facts of spending: the same however often they are reckoned, and right against the messages they come from."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from connectpulse_billing.overview import facts, reading
from sqlalchemy import text

from connectpulse.house import House
from connectpulse.testing import factories
from connectpulse.testing.factories import ADMINISTRATOR
from connectpulse.web.security import roles
from tests.journeys.panel_scene import panel, visitor

pytestmark = pytest.mark.metered


def book(house: House, organisation: int, units: str, days_ago: int = 0, campaign: int | None = None) -> None:
    """Let messages have been charged some days ago."""
    with house.work(ADMINISTRATOR) as work:
        at = work.clock() - timedelta(days=days_ago)
        work.session.execute(
            text(
                "INSERT INTO billing_entry "
                "(id, organisation_id, kind, campaign_id, channel, messages, reserved, spent, created_at) "
                "VALUES (pulse_id(), :organisation, 'settle', :campaign, 'sms', 2, "
                "-CAST(:units AS numeric), :units, :at)"
            ),
            {"organisation": organisation, "campaign": campaign, "units": Decimal(units), "at": at},
        )


def fold(house: House) -> None:
    with house.work(ADMINISTRATOR) as work:
        facts.fold_days(work)
        facts.fold_places(work)


def test_days_are_summed_once_however_often(house: House, organisation: int) -> None:
    other = factories.organisation(house, "Other")
    for units in ("3", "2.5"):
        book(house, organisation, units)
    book(house, organisation, "7", days_ago=1)
    book(house, other, "100")
    for _ in range(2):
        fold(house)
    with house.work(ADMINISTRATOR, organisation) as work:
        days = reading.by_day(work)
        assert len(days) == reading.SPAN
        assert [units for _, units in days[-3:]] == [0, 7, Decimal("5.5")]
        assert reading.by_channel(work) == [("SMS", Decimal("12.5"))]
        assert reading.by_campaign(work) == [("Single messages", Decimal("12.5"))]


def test_units_last_as_long_as_whole_days_say(house: House, organisation: int) -> None:
    with house.work(ADMINISTRATOR, organisation) as work:
        assert reading.burn(work, Decimal(100)) == reading.Burn(Decimal(0), None)
        for back in range(8):
            work.session.execute(
                text(
                    "INSERT INTO billing_spending (organisation_id, day, campaign_id, channel, messages, units) "
                    "VALUES (:organisation, :day, 0, 'sms', 1, 14)"
                ),
                {"organisation": organisation, "day": work.clock().date() - timedelta(days=back)},
            )
        assert reading.burn(work, Decimal(100)) == reading.Burn(Decimal("14.00"), 7)
        assert reading.burn(work, Decimal("13.99")).days_left == 0


@pytest.mark.parametrize(
    ("beginning", "found", "said"),
    [("+923", "+92", "+92 PK"), ("+120", "+1", "+1 US"), ("+971", "+971", "+971 AE"), ("+999", "+999", "+999"),
     ("Example.org", "example.org", "example.org")],
)  # fmt: skip
def test_a_place_is_a_country_or_a_domain(beginning: str, found: str, said: str) -> None:
    assert facts.place(beginning) == found
    assert reading.named(found) == said


def test_the_page_draws_what_there_is(house: House, organisation: int) -> None:
    app = panel(house, organisation)
    browser = visitor(app, roles.ANALYST)
    assert "No units were spent" in browser.get("/billing/overview/").text
    book(house, organisation, "41")
    fold(house)
    page = browser.get("/billing/overview/").text
    assert "41 units" in page
    assert f"{date.today():%d %b}" in page  # noqa: DTZ011 - the day of this machine, which is UTC
