"""Roles that plugins bring, and what a plugin's pages say about who may do what on them."""

from typing import Any, ClassVar

import pytest
from flask_appbuilder import BaseView
from sqlalchemy import select

from connectpulse.app import create_app
from connectpulse.core.domain.faces import View
from connectpulse.core.domain.roles import CORE, Role
from connectpulse.core.errors import Refused
from connectpulse.core.registry import Registry
from connectpulse.core.services.access import invitations
from connectpulse.house import House
from connectpulse.testing import factories
from connectpulse.web.pages import READ, WRITE, Reading, expose, has_access, permission_name
from connectpulse.web.security import accounts, roles
from connectpulse.web.security.manager import synchronise_roles
from tests.journeys.panel_scene import name_of, people, visitor

CASHIER, BOOKS = Role("Cashier", "Takes money.", reads=("Audit",)), Role("Books", "Reads the books.", is_platform=True)


class TillView(BaseView):
    readings: ClassVar[dict[str, Reading]] = {"show": Reading("contact.read", "Contact")}
    route_base = "/till"
    class_permission_name = "Till"
    default_view = "show"

    @expose("/", methods=["GET"])
    @has_access
    @permission_name(READ)
    def show(self) -> Any:
        return "the till"

    @expose("/", methods=["POST"])
    @has_access
    @permission_name(WRITE)
    def take(self) -> Any:
        return "taken"


TILL = View(TillView, "Till", may={READ: (CASHIER.name, BOOKS.name, roles.ANALYST), WRITE: (CASHIER.name,)})


@pytest.fixture
def till(house: House) -> House:
    house.registry.roles |= {CASHIER.name: CASHIER, BOOKS.name: BOOKS}
    house.registry.views.append(TILL)
    return house


def test_a_page_is_for_whom_it_says(till: House, organisation: int) -> None:
    people(till, organisation)
    app = create_app(till)
    app.config["WTF_CSRF_ENABLED"] = False
    answers = {}
    for role in till.registry.roles:
        person = visitor_of(app, role)
        answers[role] = (person.get("/till/").status_code, person.post("/till/").status_code)
    may_read = {CASHIER.name, BOOKS.name, roles.ANALYST, roles.AUDITOR}
    assert answers == {
        role: (200 if role in may_read else 403, 200 if role == CASHIER.name else 403) for role in answers
    }
    with till.work(factories.ADMINISTRATOR, organisation) as work:
        assert factories.verbs(work).count("contact.read") == len(may_read)
    assert visitor_of(app, CASHIER.name).get("/audit/list/").status_code == 200
    assert visitor_of(app, CASHIER.name).get("/contacts/list/").status_code == 403
    assert b"/till/" in visitor_of(app, CASHIER.name).get("/").data
    assert b"/till/" not in visitor_of(app, roles.APPROVER).get("/").data


def visitor_of(app: Any, role: str) -> Any:
    person = visitor(app)
    person.client.environ_base["REMOTE_ADDR"] = f"192.0.2.{len(role)}"
    token = person.get("/login/")
    assert token.status_code == 200
    answer = person.client.post("/login/", data={"username": name_of(role), "password": "correct-horse-battery"})
    assert answer.status_code == 302
    return person.client


def test_a_role_is_given_where_it_is_held(till: House, organisation: int) -> None:
    with till.work(factories.ADMINISTRATOR, organisation) as work:
        invitations.offer(work, "https://x.example", "a@example.org", "A", "B", CASHIER.name)
        with pytest.raises(Refused):
            invitations.offer(work, "https://x.example", "b@example.org", "A", "B", BOOKS.name)
    offered = dict(roles.choices(till.registry, on_platform=False))
    assert offered[CASHIER.name] == "Cashier: Takes money."
    assert BOOKS.name not in offered
    assert list(dict(roles.choices(till.registry, on_platform=True))) == [BOOKS.name, roles.AUDITOR,
                                                                          roles.PLATFORM_ADMINISTRATOR]  # fmt: skip


def test_a_role_of_the_platform_is_synchronised_and_held(till: House) -> None:
    with till.work(factories.ADMINISTRATOR) as work:
        synchronise_roles(work.session, work.registry)
        synchronise_roles(work.session, work.registry)
        user = accounts.create(
            work, accounts.Account("books", "books@example.org", "B", "K"), "correct-horse-battery", BOOKS.name
        )
        assert accounts.platform_role(work.registry, user) == BOOKS.name
        names = work.session.scalars(select(accounts.Role.name)).all()
    assert sorted(names) == sorted({*(role.name for role in CORE), BOOKS.name, CASHIER.name})


def test_muted_a_role_may_nothing() -> None:
    registry = Registry(roles={role.name: role for role in CORE}, views=[View(TillView, "Till")])
    assert not roles.allows(frozenset({CASHIER.name}), READ, "Till", roles.rights(registry))
    assert roles.allows(frozenset({CASHIER.name}), READ, "Profile", roles.rights(registry))


def test_a_plugin_gives_nothing_on_pages_of_core() -> None:
    class Sly(BaseView):
        class_permission_name = "Contacts"

    registry = Registry(
        roles={role.name: role for role in (*CORE, CASHIER)}, views=[View(Sly, "Sly", may={READ: (CASHIER.name,)})]
    )
    assert roles.rights(registry)[CASHIER.name] == {(READ, "Audit")}
