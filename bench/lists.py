"""List pages over a long message log, asked for as a browser does: milliseconds (95th percentile) and queries."""

import re
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from flask.testing import FlaskClient
from sqlalchemy import event, text

from connectpulse.app import create_app
from connectpulse.core.services.connections import Limits
from connectpulse.core.storage import guard
from connectpulse.house import House
from connectpulse.testing.factories import ADMINISTRATOR
from connectpulse.web.security import accounts, roles
from connectpulse.web.security.accounts import Account
from connectpulse.web.security.manager import synchronise_roles

from .figure import Figure
from .line import FIRST_NUMBER, SENDER, TEXT
from .scene import Scene, scene

TIMES: Final = 40
CAMPAIGNS: Final = 200
PASSWORD: Final = "correct-horse-battery"
_TOKEN: Final = re.compile(r'name="csrf_token" value="([^"]+)"')
_OLDER: Final = re.compile(r"before=(\d+)")

_FILL = """
INSERT INTO pulse_message (id, organisation_id, campaign_id, contact_id, dispatch_id, changed_at, state, parts,
    quantity, units, channel, address, sender, body)
SELECT first.id + n, :organisation, c.ids[1 + n / :share], n, -1, now(),
    CASE WHEN n % 100000 = 7 THEN 3 WHEN n % 33 = 0 THEN 12 ELSE 20 END,
    1, 1, 1, 'sms', '+92' || (:number + n), :sender, :text
FROM generate_series(0, :messages - 1) n
CROSS JOIN (SELECT pulse_id() AS id) first
CROSS JOIN (SELECT array_agg(id ORDER BY id) AS ids FROM pulse_campaign) c
"""


def measure(messages: int) -> Iterator[Figure]:
    """Yield a figure for each page of a house whose log holds `messages` messages, and the queries of each."""
    with scene() as stage:
        campaign_id = _fill(stage, messages)
        client = _signed_in(stage.house, stage.line.organisation)
        middle = FIRST_NUMBER + messages // 2
        pages = {
            "home": "/",
            "campaigns": "/campaigns/list/",
            "campaign": f"/campaigns/show/{campaign_id}",
            "messages": "/messages/list/",
            "messages_of_an_address": f"/messages/list/?q=%2B92{middle}",
            "messages_in_a_rare_state": "/messages/list/?state=accepted",
            "messages_of_a_campaign": f"/campaigns/show/{campaign_id}?state=undeliverable",
            "messages_far_down": f"/messages/list/?before={_half_way(stage)}",
            "contacts": "/contacts/list/",
        }
        for name, url in pages.items():
            milliseconds, queries = _ask(stage.house, client, url)
            yield Figure(f"page_{name}", milliseconds, "ms (p95)", most=100)
            yield Figure(f"page_{name}_queries", queries, "queries")


def _fill(stage: Scene, messages: int) -> int:
    """Write the log; return one of its campaigns, of which each has the same share."""
    stage.connect(Limits())
    list_id = stage.line.audience(1000)
    campaign_id, _ = stage.line.campaign(list_id)
    with stage.house.work(ADMINISTRATOR) as work:
        copies = {"id": campaign_id, "count": CAMPAIGNS - 1}
        columns = ", ".join(_columns(work.session))
        work.session.execute(
            text(
                f"INSERT INTO pulse_campaign ({columns}, name) SELECT {columns}, 'Campaign ' || n "
                "FROM pulse_campaign CROSS JOIN generate_series(1, :count) n WHERE id = :id"
            ),
            copies,
        )
        facts = {
            "organisation": stage.line.organisation, "share": -(-messages // CAMPAIGNS), "messages": messages,
            "number": FIRST_NUMBER, "sender": SENDER, "text": TEXT,
        }  # fmt: skip
        work.session.execute(text(_FILL), facts)
    with stage.house.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM (ANALYZE) pulse_message"))
    return campaign_id


def _columns(session: Any) -> list[str]:
    """Return the columns of a campaign that a copy shares."""
    found = session.scalars(
        text("SELECT column_name FROM information_schema.columns WHERE table_name = 'pulse_campaign'")
    )
    return [name for name in found if name not in ("id", "name")]


def _half_way(stage: Scene) -> int:
    with stage.house.work(ADMINISTRATOR) as work:
        row = work.session.execute(text("SELECT min(id), max(id) FROM pulse_message")).one()
    return int(row[0] + row[1]) // 2


def _signed_in(house: House, organisation: int) -> FlaskClient:
    """Return a client of the panel that signed in as the organisation's administrator."""
    app = create_app(house)
    with house.work(ADMINISTRATOR, organisation) as work:
        with guard.platform_scope(work.session, "make an account to measure with"):
            synchronise_roles(work.session, work.registry)
        user = accounts.create(work, Account("reader", "reader@example.org", "Reader", "Bench"), PASSWORD)
        accounts.join(work, user, roles.ORGANISATION_ADMINISTRATOR)
    client = app.test_client()
    token = _TOKEN.search(client.get("/login/").text)
    assert token is not None
    fields = {"csrf_token": token[1], "username": "reader", "password": PASSWORD}
    if client.post("/login/", data=fields).status_code != 302:
        raise RuntimeError("The account could not sign in.")
    return client


def _ask(house: House, client: FlaskClient, url: str) -> tuple[float, int]:
    """Return the 95th percentile of the milliseconds a page takes, and its queries."""
    _get(client, url)
    with _counted(house) as statements:
        _get(client, url)
    seconds = [_get(client, url) for _ in range(TIMES)]
    return statistics.quantiles(seconds, n=20)[-1] * 1000, len(statements)


def _get(client: FlaskClient, url: str) -> float:
    began = time.perf_counter()
    answer = client.get(url)
    taken = time.perf_counter() - began
    if answer.status_code != 200:
        raise RuntimeError(f"{url} answered {answer.status_code}.")
    return taken


@contextmanager
def _counted(house: House) -> Iterator[list[str]]:
    """Collect the statements that are sent meanwhile."""
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    event.listen(house.engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(house.engine, "before_cursor_execute", note)
