"""The System page says what is yet to be set up, with links that lead where it is done."""

import re

import pytest
from playwright.sync_api import Browser

from connectpulse.house import House
from connectpulse.web.security import roles

from . import browsing, live
from .panel_scene import panel, visitor

_LINK = re.compile(r'<a href="([^"]+)">Go there<span')


def test_every_link_leads_where_it_is_set_up(house: House, organisation: int) -> None:
    person = visitor(panel(house, organisation), roles.PLATFORM_ADMINISTRATOR)
    page = person.get("/system/").text
    assert "Yet to be set up" in page
    links = _LINK.findall(page)
    assert len(links) >= 2
    assert [person.get(link).status_code for link in links] == [200] * len(links)


@pytest.mark.peer("chromium")
@pytest.mark.parametrize("size", [browsing.DESKTOP, browsing.PHONE], ids=["desktop", "phone"])
def test_it_is_read_on_a_phone_as_well(
    house: House, organisation: int, chromium: Browser, size: dict[str, int]
) -> None:
    theme = "dark" if size is browsing.PHONE else "light"
    with (
        live.served(panel(house, organisation)) as address,
        browsing.person(chromium, address, size, theme) as person,
    ):
        person.sign_in(roles.PLATFORM_ADMINISTRATOR)
        person.open("/system/")
        person.sees("No backups are made.")
        person.shoot("yet-to-be-set-up")
