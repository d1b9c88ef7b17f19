"""An order of channels by clicking: written in the form, priced from least to most, and followed channel by channel."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from connectpulse.core.domain.message import MessageState
from connectpulse.house import House
from connectpulse.web.security import roles
from tests.unit.core.services.order_scene import Order, order_house

from . import browsing, live
from .browsing import Person
from .panel_scene import panel

pytestmark = pytest.mark.peer("chromium")

PEOPLE = [(f"+92300111111{n}", f"p{n}@x.org") for n in range(5)]


@pytest.fixture
def house(database_url: str) -> Iterator[House]:
    with order_house(database_url) as made:
        yield made


@pytest.mark.parametrize(("size", "theme"), [(browsing.DESKTOP, "light"), (browsing.PHONE, "dark")])
def test_a_campaign_over_two_channels(house: House, chromium: Browser, size: dict[str, int], theme: str) -> None:
    order = Order(house)
    order.people(*PEOPLE, ("post@x.org",))
    order.draft()
    with (
        live.served(panel(house, order.scene.organisation)) as address,
        browsing.person(chromium, address, size, theme) as person,
    ):
        person.sign_in(roles.CAMPAIGN_MANAGER)
        write(person)
        person.press("Save")
        person.sees("Postcard, if it cannot be delivered or it was not delivered within 30 minutes")
        person.press("Count and price it")
        order.scene.run_jobs()
        person.page.reload()
        person.sees("Units at most")
        person.sees("Postcard: 1 begin there, 5 may come to it.")
        person.shoot("order-quote")
        person.press("Launch to 6 recipients")
        person.sees("The campaign is on its way.")
        order.campaign = int(person.page.url.rpartition("/")[2])
        order.scene.run_jobs()
        order.hand_over("pigeon")
        order.tell("pigeon", MessageState.UNDELIVERABLE)
        order.move()
        order.hand_over("postcard")
        order.tell("postcard", MessageState.DELIVERED)
        person.page.reload()
        person.sees("Channel by channel")
        row = person.page.get_by_role("row", name="2. Postcard")
        assert row.get_by_role("cell").all_inner_texts() == ["6", "6", "0", "0"]
        person.shoot("order-finished")


def write(person: Person) -> None:
    """Fill the form: a pigeon, and a postcard if it does not arrive."""
    page = person.page
    person.open("/campaigns/add")
    person.fill("Name", "Spring")
    page.get_by_label("Channel").first.select_option("pigeon")
    person.choose("Template", "pigeon Hello")
    person.choose("Sender", "Amina")
    person.choose("To these lists", "Everybody")
    page.get_by_text("If it does not arrive, then …").click()
    person.choose("Template of another channel", "postcard Hello")
    person.choose("Sender on that channel", "Post")
    for ending in ("It was not delivered within its validity", "The provider refuses it", "It could not be sent"):
        page.get_by_label(ending).first.uncheck()
    person.fill("Or if not delivered within minutes", "30")
    person.shoot("order-form")
