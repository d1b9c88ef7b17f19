"""A program that calls the API with a key, and what it is told."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flask import Flask
from werkzeug.test import TestResponse

from connectpulse.core.domain.scopes import AUDIT_READ
from connectpulse.core.services.api import keys
from connectpulse.house import House
from connectpulse.testing import factories
from connectpulse.web import request_log

if TYPE_CHECKING:
    pass

PEER = "203.0.113.7"


@dataclass(frozen=True)
class Machine:
    """A program of a customer with a key."""

    app: Flask
    token: str
    address: str = PEER

    def call(self, path: str, method: str = "GET", **options: Any) -> TestResponse:
        headers = {"Authorization": f"Bearer {self.token}"} | options.pop("headers", {})
        return self.app.test_client().open(
            f"/api/v1{path}", method=method, headers=headers, environ_base={"REMOTE_ADDR": self.address}, **options
        )


def machine(house: House, app: Flask, organisation: int, *scopes: str, **changed: Any) -> Machine:
    draft = keys.Draft("Shop", scopes or (AUDIT_READ,), changed.pop("rate", 600), **changed)
    with house.work(factories.ADMINISTRATOR, organisation) as work:
        return Machine(app, keys.create(work, draft)[1])


def said(answer: TestResponse) -> dict[str, Any]:
    assert answer.mimetype == "application/problem+json", answer.text
    found: dict[str, Any] = answer.get_json()
    assert found["status"] == answer.status_code
    assert found["request_id"] == answer.headers["X-Request-ID"]
    assert found["title"]
    assert found["detail"]
    return found


def written(app: Flask) -> None:
    """Let the log write what waits."""
    with app.app_context():
        request_log.the_log().stop()
