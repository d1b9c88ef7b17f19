"""The panel without a browser: every page opens, for whom it should, and survives any query string."""

import pytest
from flask import Flask

from connectpulse.house import House
from connectpulse.web.security import roles

from .panel_scene import panel, visitor

LISTS = (
    "/campaigns/list/", "/templates/list/", "/senders/list/", "/contacts/list/", "/lists/list/", "/imports/list/",
    "/fields/list/", "/suppressions/list/", "/messages/list/", "/replies/list/", "/audit/list/", "/members/list/",
    "/settings/", "/organisations/list/", "/connections/list/", "/routes/list/", "/system/", "/profile/", "/",
    "/reports/", "/strays/list/",
)  # fmt: skip


@pytest.fixture
def app(house: House, organisation: int) -> Flask:
    return panel(house, organisation)


def test_strangers_are_asked_to_sign_in(app: Flask) -> None:
    for page in LISTS:
        answer = visitor(app).get(page)
        assert answer.status_code == 302, page
        assert "/login/" in answer.location


def test_every_page_opens_for_the_platform_administrator(app: Flask) -> None:
    person = visitor(app, roles.PLATFORM_ADMINISTRATOR)
    for page in LISTS:
        answer = person.get(page)
        assert answer.status_code == 200, (page, answer.text[:500])
