"""Whatever changes something writes to the action log: every route, command, task and job, or it says why not.

A route, command or task that is new and neither reaches a writer nor is explained here fails.
"""

from collections.abc import Callable, Iterator
from typing import Any

import click
import pytest
from flask import Flask
from sqlalchemy import select

from connectpulse.cli import connectpulse
from connectpulse.core.services import duties
from connectpulse.core.storage import guard
from connectpulse.core.storage.models import AuditEntry
from connectpulse.house import House
from connectpulse.tasks import core as tasks
from connectpulse.testing.factories import ADMINISTRATOR
from connectpulse.web.panel.noun import NounView
from connectpulse.web.security import roles
from connectpulse.web.witness import READINGS
from tests.house import reach
from tests.journeys.panel_scene import Visitor, panel, visitor

CHANGING = {"POST", "PUT", "PATCH", "DELETE"}

ROUTES = {
    "SignInView.passkey_options": "It asks the browser a riddle; what signs in by it is written down.",
    "FactorView.passkey_options": "It asks the browser a riddle; the passkey that comes of it is written down.",
    "FactorView.begin": "The secret it makes opens nothing until its first code is typed, which is written down.",
    "NoticesView.read": "One marks one's own notices as read; nobody else's change.",
    "NoticesView.follow": "One marks one's own notice as read; nobody else's changes.",
    "TemplateView.document": "It shows what was typed and keeps nothing.",
    "TemplateView.preview": "It shows what was typed and keeps nothing.",
    "InboxView.preview": "It shows what an answer would be and keeps nothing.",
    "InboxView.template": "It shows what a template would be and keeps nothing.",
    "hooks.knock": "What a plugin does is written down by the plugin; what it refused is written down here.",
    "callbacks.receive": "The request itself is kept as it came; a forged one is written down.",
}
COMMANDS = {
    "keys": "It prints fresh secrets and touches nothing.",
    "database start": "The site does not run yet: there is no log to write in.",
    "database stop": "The log goes to sleep with the database; PostgreSQL's own log tells of it.",
    "database url": "It may be asked for where no log is yet; it is who may read the site's folder that counts.",
    "new-plugin": "It writes files of a developer and has no site.",
    "backup keys": "It prints fresh keys and touches nothing.",
    "backup list": "It reads names and sizes in the backup store, and has no database: the site may be down.",
    "backup verify": "It reads a backup without opening it, and has no database: the site may be down.",
    "evidence verify": "It reads a file its caller holds, anywhere.",
    "rights verify": "It reads a copy its caller holds, anywhere.",
}
TASKS = {
    "core.expire_silent": "Messages end by themselves; the message log tells when and why.",
    "core.squash_counters": "It adds figures up that are kept anyway.",
    "core.make_partitions": "It makes room for the coming months.",
    "core.wake_jobs": "It wakes what waits.",
    "core.wake_duties": "It wakes what waits.",
    "core.wake_backups": "It wakes what waits; making the backup is written down.",
    "core.wake_reviews": "It wakes what waits; what reviewers say is written down.",
    "core.wake_reconciling": "It wakes whoever compares; what that finds is written down.",
    "core.watch_backups": "It puts an alarm on the board, which tells since when.",
    "core.watch_wal": "It puts an alarm on the board, which tells since when.",
    "core.watch_retention": "It puts an alarm on the board, which tells since when.",
    "core.remind_of_requests": "It puts reminders on the board; the requests stay as they are.",
    "core.sweep_exports": "It deletes what nobody has a key for; that it expired or was fetched is written down.",
    "core.mail_notices": "It mails what is on the board; the mail log tells of every mail.",
    "core.mail_digests": "It mails what is on the board; the mail log tells of every mail.",
    "core.tell_ways_in": "It tells the store what the log tells already.",
    "core.send_mail": "The mail log tells of every mail; what it is about was written down when it was posted.",
}
QUEUED: dict[str, str] = {}
JOBS = {
    "archive export": "It gathers for one person; asking for it and fetching it are written down.",
    "quote": "It counts; asking for it was written down.",
    "duty": "What a plugin's duty does is written down by the duty.",
}


def unwritten(found: Iterator[tuple[str, Any, type[Any] | None]]) -> tuple[set[str], int]:
    """Return the names of what reaches no writer, and how many there are in all."""
    names = [(name, reach.writes(function, owner)) for name, function, owner in found]
    return {name for name, does_write in names if not does_write}, len(names)


@pytest.fixture
def app(house: House, organisation: int) -> Flask:
    return panel(house, organisation)


def changing_routes(app: Flask) -> Iterator[tuple[str, Any, type[Any] | None]]:
    for endpoint in {rule.endpoint for rule in app.url_map.iter_rules() if (rule.methods or set()) & CHANGING}:
        function = app.view_functions[endpoint]
        holder = getattr(function, "__self__", None)
        yield endpoint, function, type(holder) if holder is not None else None


def commands(group: click.Group, before: str = "") -> Iterator[tuple[str, Any, None]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, f"{before}{name} ")
        else:
            yield f"{before}{name}", command.callback, None


def test_every_changing_route_writes_its_entry(app: Flask) -> None:
    found, count = unwritten(changing_routes(app))
    assert count > 45
    assert found == set(ROUTES)


def test_every_command_writes_its_entry() -> None:
    found, count = unwritten(commands(connectpulse))
    assert count > 15
    assert found == set(COMMANDS)


def test_every_task_writes_its_entry() -> None:
    swept = [(name, sweep, None) for name, _, sweep in (*tasks.PERIODIC, *tasks.HOURLY)]
    often = [(name, sweep, None) for name, sweep in (*tasks.FREQUENT, *tasks.DUTIES)]
    often += [(name, duty, None) for name, duty, _ in tasks.APART]
    found, count = unwritten(iter([*swept, *often]))
    assert count > 10
    assert found == set(TASKS)


class Kept:
    """A queue that keeps the tasks declared on it."""

    def __init__(self) -> None:
        self.tasks: list[tuple[str, Any, None]] = []

    def task(self, name: str) -> Callable[[Any], Any]:
        def keep(function: Any) -> Any:
            self.tasks.append((name, function, None))
            return function

        return keep

    def periodic_task(self, schedule: Any, name: str) -> Callable[[Any], Any]:
        return lambda function: function  # sweeps, which are tried above


def test_every_task_of_the_queue_writes_its_entry(standing_house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standing_house, "waker", standing_house.waker)  # registering sets it; it is set back
    queue = Kept()
    tasks.register(queue, standing_house, "nobody", lambda: False)
    found, count = unwritten(iter(queue.tasks))
    assert count >= 5
    assert found == set(QUEUED)


def test_every_job_writes_its_entry(standing_house: House) -> None:
    registered = standing_house.registry.jobs.items()
    found, count = unwritten((name, job.step or job.call, None) for name, job in registered)
    assert count >= 5
    assert found == set(JOBS)


def test_what_writes_and_what_does_not_is_told_apart() -> None:
    from connectpulse.core.services import contacts, messages
    from connectpulse.web.panel.connections import ConnectionView
    from connectpulse.web.panel.messages import MessageView

    assert reach.writes(contacts.create)
    assert not reach.writes(messages.search)
    assert reach.writes(ConnectionView.add, ConnectionView)
    assert reach.writes(MessageView.settle, MessageView)
    assert not reach.writes(MessageView.list, MessageView)


def entries(house: House) -> list[AuditEntry]:
    with house.work(ADMINISTRATOR) as work, guard.platform_scope(work.session, "test"):
        return list(work.session.scalars(select(AuditEntry).order_by(AuditEntry.id)))


def test_every_page_of_personal_data_writes_that_it_was_read(app: Flask, house: House) -> None:
    personal = {table for table, rule in house.registry.rules.items() if rule.personal_columns}
    personal -= {model.__tablename__ for model in duties.MAKERS}  # which colleague made it, and nothing else of people
    found = set()
    for endpoint, function in app.view_functions.items():
        view = getattr(function, "__self__", None)
        is_page = endpoint.endswith((".list", ".show", ".lookup"))
        if isinstance(view, NounView) and is_page and view.model.__tablename__ in personal:
            found.add(endpoint)
    assert len(found) > 15
    assert found <= set(READINGS)
    assert set(READINGS) <= set(app.view_functions)


def test_what_is_read_of_the_platform_is_written_into_its_chain(house: House, app: Flask, organisation: int) -> None:
    person = visitor(app, roles.PLATFORM_ADMINISTRATOR)
    for path in ("/sign-ins/list/", "/requests/list/?of=platform", "/requests/list/", "/agreements/"):
        assert person.get(path).status_code == 200, path
    read = [(each.verb, each.organisation_id) for each in entries(house) if each.verb.endswith((".listed", ".read"))]
    assert read == [
        ("sign_in.listed", None), ("subject_request.listed", None), ("subject_request.listed", organisation),
        ("agreement.read", None),
    ]  # fmt: skip


def test_signing_in_and_out_is_written_down(house: House, app: Flask) -> None:
    person = Visitor(app.test_client())
    person.sign_in("auditor", "wrong-password-as-well")
    person.sign_in("auditor")
    person.post("/logout/", "/profile/")
    told = [each.verb for each in entries(house) if each.verb.startswith("user.sign")]
    assert told == ["user.sign_in_failed", "user.signed_in", "user.signed_out"]


def test_a_request_has_one_name_in_its_answer_and_its_entries(house: House, app: Flask) -> None:
    person = visitor(app, roles.ORGANISATION_ADMINISTRATOR)
    page = person.post("/lists/add", "/lists/add", {"name": "Spring"})
    made = next(each for each in entries(house) if each.verb == "list.created")
    assert made.request_id == page.headers["X-Request-ID"]
    assert made.actor_address == "127.0.0.1"
    assert len({each.headers["X-Request-ID"] for each in (page, person.get("/"))}) == 2
