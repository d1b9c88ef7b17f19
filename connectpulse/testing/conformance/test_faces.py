"""Its verbs read as sentences, its pages are guarded, its tasks named, its figures quick."""

import ast
import re
import string
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from huey import MemoryHuey
from sqlalchemy import event

from connectpulse.core.domain import form
from connectpulse.core.domain.acts import Act
from connectpulse.core.domain.audit import AuditAction
from connectpulse.core.domain.contracts import Measure, Purpose, Tariff, Unpriced
from connectpulse.core.domain.faces import Card, Health, HealthCheck, PaymentGateway, Report, RestoreCheck, View
from connectpulse.core.domain.limits import Allowance, Limit
from connectpulse.core.domain.roles import Role
from connectpulse.core.errors import Refused
from connectpulse.core.services import duties, furnishing, records
from connectpulse.core.services.work import Work
from connectpulse.core.storage.models import Organisation

from . import sources
from .specimen import Specimen

WRITERS = {"audit.record", "audit.record_named", "records.create", "records.update", "records.delete"}
VERB = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+$")
READS = {"GET", "HEAD", "OPTIONS"}


def test_a_verb_reads_as_a_sentence(action: AuditAction) -> None:
    used = {name for _, name, _, _ in string.Formatter().parse(action.sentence) if name is not None}
    assert used <= {"actor", "object"}, f"{action.verb}: a sentence may use {{actor}} and {{object}} only"
    assert action.sentence.format(actor="Amina", object="it").strip().endswith(".")


def test_its_verbs_are_told_apart(specimen: Specimen) -> None:
    verbs = [action.verb for action in specimen.offers("pulse_audit_actions")]
    assert len(verbs) == len(set(verbs))


def test_its_verbs_are_declared(specimen: Specimen) -> None:
    assert specimen.candidate is not None
    known = {action.verb for action in (*specimen.offers("pulse_audit_actions"), *duties.actions())}
    faults = [
        f"{path.name} line {line} writes {verb}"
        for path in sources.of(specimen.candidate.package)
        for line, verb in _verbs(path)
        if verb not in known
    ]
    assert not faults, "; ".join(faults) + ": declare it with pulse_audit_actions"


def _verbs(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the verbs a file writes to the action log, by `audit` or `records`, as far as they stand there."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in WRITERS:
            for each in (*node.args, *(keyword.value for keyword in node.keywords)):
                if isinstance(each, ast.Constant) and isinstance(each.value, str) and VERB.match(each.value):
                    yield node.lineno, each.value


def test_a_page_is_a_page(view: View) -> None:
    from flask_appbuilder.baseviews import AbstractViewApi, BaseView

    assert issubclass(view.cls, BaseView | AbstractViewApi), f"{view.cls.__name__} is no Flask-AppBuilder view"
    assert view.label == view.label.strip()


def test_a_page_has_rights_of_its_own(view: View) -> None:
    from connectpulse.web.security.roles import PAGES, PLUGIN_PAGES, page_of

    page = page_of(view)
    assert page not in PAGES - {PLUGIN_PAGES}, f"{page} is a page of core: give class_permission_name another name"
    assert not view.may or page != PLUGIN_PAGES, f"{view.label} shares its page with all plugins: give it a name"
    assert not view.may or view.may.get("read"), f"nobody may look at {view.label}"


def test_a_role_is_explained(role: Role) -> None:
    from connectpulse.web.security.roles import PAGES

    assert role.explanation.strip().endswith(".")
    assert set(role.reads) <= PAGES, f"{role.name} reads {sorted(set(role.reads) - PAGES)}, which core does not have"


def test_a_limit_is_quick_and_makes_sense(limit: Limit, work: Work) -> None:
    with counting(work) as statements:
        found = limit.of(work, work.organisation_id)
    assert len(statements) <= 1, statements
    assert isinstance(found, Allowance)
    assert found.channels is None or isinstance(found.channels, frozenset)
    assert all(most is None or most > 0 for most in (found.users, found.api_per_minute))


def test_an_act_has_people_who_may_approve(act: Act, specimen: Specimen) -> None:
    from connectpulse.web.security.roles import ROLES, page_of

    approvers = {page for rights in ROLES.values() for verb, page in rights if verb == "approve"}
    approvers |= {page_of(view) for view in specimen.offers("pulse_views") if view.may.get("approve")}
    assert act.page in approvers, f"nobody may approve {act.name}: let a page {act.page} say who (View.may)"
    assert act.title.strip()


def test_a_page_lets_nobody_in_unasked(view: View) -> None:
    open_doors = [name for name, method, _ in _routes(view) if not hasattr(method, "_permission_name")]
    assert not open_doors, f"{view.cls.__name__}: {', '.join(open_doors)} lack has_access"


def test_a_page_that_writes_has_verbs(view: View, specimen: Specimen) -> None:
    writes = [name for name, _, methods in _routes(view) if methods - READS]
    assert not writes or specimen.offers("pulse_audit_actions"), f"{writes} change something and no verb says so"


def test_a_page_deletes_by_post_only(view: View) -> None:
    loose = [name for name, _, methods in _routes(view) if name.startswith(("delete", "remove")) and methods & READS]
    assert not loose, f"{', '.join(loose)} can be done by following a link"


def _routes(view: View) -> Iterator[tuple[str, Callable[..., Any], set[str]]]:
    """Return the exposed methods of a page, those it leaves out aside."""
    included = getattr(view.cls, "include_route_methods", None)
    excluded = getattr(view.cls, "exclude_route_methods", None) or ()
    for name in dir(view.cls):
        method = getattr(view.cls, name)
        is_served = name not in excluded and (included is None or name in included)
        for _, methods in getattr(method, "_urls", ()) if is_served else ():
            yield name, method, set(methods)


def test_a_task_carries_the_plugins_name(task: str, specimen: Specimen) -> None:
    assert task.startswith(f"{specimen.name}.")
    assert task == task.lower()


def test_its_tasks_can_be_declared_anywhere(specimen: Specimen) -> None:
    names = specimen.offers("pulse_tasks")
    if not names:
        pytest.skip(f"{specimen.name} has no tasks")
    assert len(names) == len(set(names))
    assert specimen.candidate is not None
    specimen.candidate.plugin.pulse_tasks(MemoryHuey(immediate=True))  # type: ignore[attr-defined]


def test_a_report_is_a_table(report: Report, work: Work) -> None:
    rows = list(report.rows(work, 5))
    assert len(rows) <= 5
    assert all(len(row) == len(report.columns) for row in rows)
    assert report.title.strip()


def test_a_health_check_answers_within_a_second(health_check: HealthCheck, work: Work) -> None:
    quickest = 60.0
    for _ in range(3):
        begun = time.monotonic()
        found = health_check.check(work)
        quickest = min(quickest, time.monotonic() - begun)
        assert isinstance(found, Health)
        assert found.name == health_check.name
        assert found.is_healthy or found.detail.strip(), "an unhealthy answer says why"
    assert quickest < 1


@contextmanager
def counting(work: Work) -> Iterator[list[str]]:
    """Yield the list that every statement of the block is written to."""
    statements: list[str] = []

    def count(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    engine = work.session.get_bind()
    event.listen(engine, "before_cursor_execute", count)
    try:
        yield statements
    finally:
        event.remove(engine, "before_cursor_execute", count)


def test_a_card_costs_one_statement(card: Card, work: Work) -> None:
    with counting(work) as statements:
        shown = card.value(work)
    assert isinstance(shown, str | None)
    assert len(statements) <= 1, statements
    assert card.title.strip()


def test_a_restore_check_finds_nothing_where_nothing_was_restored(restore_check: RestoreCheck, work: Work) -> None:
    found = restore_check.check(work)
    assert isinstance(found, Health)
    assert found.name == restore_check.name
    assert found.is_healthy, found.detail
    assert not (work.session.new or work.session.dirty or work.session.deleted), "a check changes nothing"


def test_a_payment_gateway_asks_proper_questions(gateway: PaymentGateway) -> None:
    assert gateway.title.strip()
    names = form.names(gateway.settings)
    assert len(names) == len(set(names))


def test_an_organisation_can_be_furnished(specimen: Specimen, work: Work) -> None:
    if specimen.candidate is None or "pulse_demo" not in specimen.candidate.results:
        pytest.skip(f"{specimen.name} gives demonstrations nothing")
    made = records.create(work, Organisation(name="A trial", country="PK", timezone="UTC"), "organisation.created")
    furnishing.furnish(work, made.id)
    balance = work.registry.ledger.balance(work, made.id)
    assert balance is None or balance > 0, "a demonstration without units can send nothing"


def test_its_ledger_knows_no_floats(specimen: Specimen, work: Work) -> None:
    ledger = specimen.candidate.results.get("pulse_ledger") if specimen.candidate else None
    if ledger is None:
        pytest.skip(f"{specimen.name} keeps no ledger")
    tariff = Tariff(work.organisation_id, "sms", Purpose.TRANSACTIONAL, "Acme")
    assert isinstance(ledger.balance(work, work.organisation_id), Decimal | None)
    try:
        assert isinstance(ledger.pricer(work, tariff)("+923001234567", Measure(1, 1)).units, Decimal)
    except Unpriced as gap:
        assert gap.prefix
    if ledger.is_metered:
        with pytest.raises(Refused):
            ledger.reserve(work, tariff, None, Decimal(10) ** 12)
