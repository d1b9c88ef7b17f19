"""The panel without a browser: every page opens, for whom it should, and survives any query string."""

import pytest
from flask import Flask

from connectpulse.house import House
from connectpulse.testing import factories
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


def test_a_form_that_is_given_up_leads_where_one_came_from(app: Flask, house: House, organisation: int) -> None:
    with house.work(factories.ADMINISTRATOR, organisation) as work:
        contact_id = factories.contact(work, "+923001234567").id
    operator, manager = visitor(app, roles.PLATFORM_ADMINISTRATOR), visitor(app, roles.CAMPAIGN_MANAGER)
    provider = next(iter(house.registry.providers.values()))
    for person, form, place, called in (
        (operator, f"/connections/add?provider={provider.name}", f"/connections/choose?channel={provider.channel}",
         "Providers"),
        (manager, f"/contacts/edit/{contact_id}", f"/contacts/show/{contact_id}", "Contact"),
        (manager, "/contacts/add", "/contacts/list/", "Contacts"),
        (manager, "/templates/add", "/templates/list/", "Templates"),
    ):  # fmt: skip
        page = person.get(form).text
        assert f'href="{place}"><i class="fa-solid fa-arrow-left" aria-hidden="true"></i>{called}</a>' in page, form
        assert f'<a class="btn" href="{place}">Cancel</a>' in page, form
