"""What people send is in no log: secrets at every route, as a stranger and signed in, with the log wide open."""

import io
import logging
from collections.abc import Iterator
from dataclasses import replace

import pytest
import structlog
from flask import Flask
from flask.testing import FlaskClient

from connectpulse import logs
from connectpulse.house import House
from connectpulse.web import request_log
from connectpulse.web.security import roles
from tests.journeys.panel_scene import panel, visitor

CANARY = "Canary7token7of7nobody"
FIELDS = ("username", "password", "token", "code", "address", "email", "body", "message", "q", "name", "reason", "key")
SENT = dict.fromkeys(FIELDS, CANARY)
LEAVES = {"SignInView.logout", "ProfileView.end_all", "ProfileView.end"}
"""Routes after which the person who tries the others would be a stranger."""


@pytest.fixture
def written(house: House) -> Iterator[io.StringIO]:
    """Return where the whole log goes, set up as the house sets it up, and at its loudest."""
    root, before, how = logging.getLogger(), logging.getLogger().handlers[:], structlog.get_config()
    level = root.level
    logs.configure(replace(house.settings, log_level="info", log_format="json"))
    out = io.StringIO()
    handler = root.handlers[0]
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(out)
    yield out
    root.handlers[:] = before
    root.setLevel(level)
    structlog.configure(**how)


def _ask_everything(app: Flask, client: FlaskClient) -> int:
    asked = 0
    for rule in app.url_map.iter_rules():
        if rule.endpoint in LEAVES:
            continue
        url = str(rule)
        for name in rule.arguments:
            for kind in ("", "int:", "path:"):
                url = url.replace(f"<{kind}{name}>", "1" if kind == "int:" else CANARY)
        for method in sorted((rule.methods or set()) & {"GET", "POST"}):
            options = {"query_string": SENT} if method == "GET" else {"data": SENT}
            client.open(url, method=method, headers={"Authorization": f"Bearer {CANARY}", "X-Token": CANARY}, **options)
            asked += 1
    return asked


@pytest.mark.parametrize("role", ["", roles.PLATFORM_ADMINISTRATOR])
def test_no_secret_is_logged_by_any_route(house: House, organisation: int, written: io.StringIO, role: str) -> None:
    app = panel(house, organisation)
    client = visitor(app, role).client
    app.config["WTF_CSRF_ENABLED"] = False
    app.config["RATELIMIT_ENABLED"] = False
    assert _ask_everything(app, client) > 200
    with app.app_context():
        request_log.the_log().stop()
    structlog.get_logger("scene").warning("the_log_is_read", step=1)
    told = written.getvalue()
    assert "the_log_is_read" in told
    assert [line for line in told.splitlines() if CANARY.lower() in line.lower()] == []
    kept = ("pulse_api_request",) if role else ("pulse_api_request", "pulse_audit")  # what one makes is named there
    with house.engine.connect() as connection:
        for table in kept:
            found = connection.exec_driver_sql(
                f"SELECT t::text FROM {table} t WHERE t::text ILIKE %s", (f"%{CANARY}%",)
            )
            assert found.all() == [], table
