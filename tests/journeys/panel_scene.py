"""The panel with its people: one account per role, and a browser-less visitor who signs in by the form."""

import functools
import re
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from connectpulse.app import create_app
from connectpulse.core.services.access import passwords
from connectpulse.core.services.work import Actor
from connectpulse.core.storage import guard
from connectpulse.house import House
from connectpulse.web.security import accounts, roles
from connectpulse.web.security.accounts import Account
from connectpulse.web.security.manager import synchronise_roles

PASSWORD = "correct-horse-battery"
NAMES = {
    roles.PLATFORM_ADMINISTRATOR: "platform", roles.AUDITOR: "auditor", roles.ORGANISATION_ADMINISTRATOR: "admin",
    roles.CAMPAIGN_MANAGER: "manager", roles.APPROVER: "approver", roles.ANALYST: "analyst",
}  # fmt: skip


def name_of(role: str) -> str:
    """Return what the account with a role signs in as."""
    return NAMES.get(role) or role.lower().replace(" ", "_")


_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


# A hash takes its time by design; the one password of all these accounts is hashed once.
_hashed = functools.cache(passwords.hashed)


def people(house: House, organisation: int) -> None:
    """Make one account per role."""
    with (
        patch.object(passwords, "hashed", _hashed),
        house.work(Actor("command", "test"), organisation) as work,
    ):
        with guard.platform_scope(work.session, "set the scene"):
            synchronise_roles(work.session, work.registry)
        for role, held in house.registry.roles.items():
            name, platform_role = name_of(role), role if held.is_platform else ""
            account = Account(name, f"{name}@example.org", name.capitalize(), "Tester")
            user = accounts.create(work, account, PASSWORD, platform_role)
            if not platform_role:
                accounts.join(work, user, role)


@dataclass
class Visitor:
    """Somebody at the panel without a browser: carries cookies and CSRF tokens as one would."""

    client: FlaskClient

    def get(self, url: str, **options: Any) -> TestResponse:
        return self.client.get(url, **options)

    def post(self, url: str, page: str, fields: dict[str, Any] | None = None, **options: Any) -> TestResponse:
        """Send a form that stands on `page`."""
        token = _TOKEN.search(self.client.get(page).text)
        assert token, f"{page} has no form"
        return self.client.post(url, data={"csrf_token": token[1], **(fields or {})}, **options)

    def sign_in(self, name: str, password: str = PASSWORD) -> TestResponse:
        return self.post("/login/", "/login/", {"username": name, "password": password})


def visitor(app: Flask, role: str = "") -> Visitor:
    """Return a visitor, signed in with `role` if one is given."""
    made = Visitor(app.test_client())
    if role:
        answer = made.sign_in(name_of(role))
        assert answer.status_code == 302, answer.text
    return made


def panel(house: House, organisation: int) -> Flask:
    """Return the application with one account per role."""
    people(house, organisation)
    app = create_app(house)
    app.config["RATELIMIT_ENABLED"] = True
    return app
