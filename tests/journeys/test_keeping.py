"""What people see of retention: the report, the rules, holds, archives, and closing an organisation."""

from datetime import timedelta

from sqlalchemy import select, text

from connectpulse.core.services import four_eyes, jobs
from connectpulse.core.services.retention import clock, engine
from connectpulse.core.services.work import SYSTEM, Actor
from connectpulse.core.storage import guard, ids, partitions
from connectpulse.core.storage.models import ArchiveExport, Decision, Hold, Organisation, RuleChoice
from connectpulse.house import House
from connectpulse.testing import factories
from connectpulse.web.security import roles
from tests.journeys.panel_scene import panel, visitor

SECOND = Actor("user", "Second", 999)


def _log(house: House, organisation: int) -> None:
    with house.engine.begin() as connection:
        old = house.clock() - timedelta(days=100)
        partitions.ensure(connection, old, 0)
        connection.execute(
            text(
                "INSERT INTO pulse_message (id, organisation_id, changed_at, state, parts, quantity, units, channel, "
                "address, sender, body) SELECT :first + n, :here, now(), 20, 1, 1, 1, 'sms', '+92300' || n, 'ACME', "
                "'Hello ' || n FROM generate_series(1, 30) n"
            ),
            {"first": ids.at(old), "here": organisation},
        )


def _run(house: House) -> None:
    """Run retention by the database's clock, which stands where it always stood."""
    with house.work(SYSTEM) as work:
        row = clock.the_row(work)
        row.run_at = None
    assert engine.run_due(house.work) is not None


def _approve(house: House, organisation: int | None) -> None:
    with house.work(SECOND, organisation) as work:
        decision = work.session.scalars(select(Decision).where(Decision.state == "open")).one()
        four_eyes.approve(work, decision.id)


def test_an_operator_runs_it_and_an_auditor_reads_the_report(house: House, organisation: int) -> None:
    app = panel(house, organisation)
    _log(house, organisation)
    operator = visitor(app, roles.PLATFORM_ADMINISTRATOR)
    assert "begins within a minute" in operator.post("/retention/run", "/retention/report", follow_redirects=True).text
    _run(house)
    auditor = visitor(app, roles.AUDITOR)
    page = auditor.get("/retention/report")
    assert page.status_code == 200
    assert "Messages" in page.text
    assert '<td data-label="Records">pulse_' not in page.text
    assert "Run now" not in page.text
    report = auditor.get("/retention/report.csv")
    assert report.mimetype == "text/csv"
    line = next(line for line in report.text.splitlines() if line.startswith("pulse_message,"))
    assert ",30,30,0" in line
    assert auditor.post("/retention/run", "/retention/report").status_code in (302, 403)
    assert visitor(app, roles.ORGANISATION_ADMINISTRATOR).get("/retention/report").status_code in (302, 403)
    assert "Ended well" in auditor.get("/retention/progress").text


def test_archives_are_searched_by_their_organisation_only(house: House, organisation: int) -> None:
    app = panel(house, organisation)
    _log(house, organisation)
    _run(house)
    admin = visitor(app, roles.ORGANISATION_ADMINISTRATOR)
    assert "pulse_message" in admin.get("/archives/").text
    found = admin.get("/archives/?table=pulse_message&address=%2B923007").text
    assert "Hello 7" in found
    assert "Hello 8" not in found
    assert admin.get("/archives/?table=pulse_message&since=yesterday", follow_redirects=True).status_code == 200
    assert admin.post("/archives/export", "/archives/", {"table": "nothing"}).status_code == 302
    assert visitor(app, roles.ANALYST).get("/archives/").status_code in (302, 403)


def test_an_export_is_made_by_a_worker_and_fetched_once_by_whoever_asked(house: House, organisation: int) -> None:
    app = panel(house, organisation)
    _log(house, organisation)
    _run(house)
    admin, other = visitor(app, roles.ORGANISATION_ADMINISTRATOR), visitor(app, roles.PLATFORM_ADMINISTRATOR)
    said = admin.post("/archives/export", "/archives/", {"table": "pulse_message"}, follow_redirects=True).text
    assert "0 of 1 files" in said
    with house.work(SYSTEM) as work, guard.platform_scope(work.session, "test"):
        export = work.session.scalars(select(ArchiveExport.id)).one()
        due = jobs.due(work)
    fetch = f"/archives/fetch/{export}"
    assert "is over" in admin.post(fetch, "/archives/", follow_redirects=True).text, "it is not there yet"
    for job_id in due:
        jobs.run(house.work, job_id, "a worker")
    assert "Fetch it once" in admin.get("/archives/progress").text
    assert other.post(fetch, "/archives/").status_code == 404
    assert "exports" not in other.get("/archives/progress").text.partition(">")[2]
    answer = admin.post(fetch, "/archives/")
    assert len(answer.text.splitlines()) == 31
    assert answer.headers["Cache-Control"] == "no-store"
    assert "fetched already" in admin.post(fetch, "/archives/", follow_redirects=True).text


def test_a_rule_is_adjusted_within_its_bounds(house: House, organisation: int) -> None:
    app = panel(house, organisation)
    admin = visitor(app, roles.ORGANISATION_ADMINISTRATOR)
    page, choose = "/retention-rules/", "/retention-rules/choose"
    for days, said in (("9", "between 30 and 365"), ("x", "Write the number"), ("120", "From the next run on")):
        answer = admin.post(choose, page, {"table": "pulse_message", "days": days}, follow_redirects=True)
        assert said in answer.text
    assert admin.post(choose, page, {"table": "pulse_nothing", "days": "40"}).status_code == 404
    with house.work(SYSTEM) as work:
        assert work.session.execute(select(RuleChoice.organisation_id, RuleChoice.days)).all() == [(organisation, 120)]


def test_a_hold_is_placed_and_lifted_by_two(house: House, organisation: int) -> None:
    app = panel(house, organisation)
    admin = visitor(app, roles.ORGANISATION_ADMINISTRATOR)
    wrong = admin.post("/holds/add", "/holds/add", {"kind": "subject", "scheme": "phone", "value": "", "reason": "x"})
    assert wrong.status_code == 422
    given = {"kind": "subject", "scheme": "phone", "value": "0300 1234567", "reason": "Case 12"}
    assert admin.post("/holds/add", "/holds/add", given).status_code == 302
    assert "+923001234567" in admin.get("/holds/list/").text
    with house.work(SYSTEM) as work:
        hold = work.session.scalars(select(Hold.id)).one()
    admin.post(f"/holds/lift/{hold}", f"/holds/show/{hold}", {"reason": "It is closed"})
    with house.work(SYSTEM) as work:
        assert work.session.get_one(Hold, hold).lifted_at is None
    _approve(house, organisation)
    with house.work(SYSTEM) as work:
        assert work.session.get_one(Hold, hold).lifted_at is not None


def test_a_closed_organisation_is_erased_after_its_grace_and_not_before(house: House, organisation: int) -> None:
    app = panel(house, organisation)
    _log(house, organisation)
    _run(house)
    with house.work(SECOND, organisation) as work:
        factories.contact_list(work, "People", [factories.contact(work, "+923001112223", "Amina")])
    operator = visitor(app, roles.PLATFORM_ADMINISTRATOR)
    closing = f"/organisations/show/{organisation}"
    operator.post(f"/organisations/close/{organisation}", closing, {"reason": "They left"})
    _approve(house, None)
    with house.work(SYSTEM) as work:
        row = work.session.get_one(Organisation, organisation)
        assert row.is_suspended
        ends = row.closes_at
    assert ends is not None
    assert "Open it again" in operator.get(closing).text
    engine.run(house.work, ends - timedelta(hours=1))
    assert _left(house, organisation)["pulse_contact"] == 1
    engine.run(house.work, ends)
    assert set(_left(house, organisation).values()) == {0}
    with house.work(SYSTEM) as work:
        row = work.session.get_one(Organisation, organisation)
        assert row.name == f"Closed organisation {organisation}"
        assert row.closed_at is not None
        names = work.session.execute(text("SELECT username, active FROM ab_user ORDER BY id")).all()
    assert [name for name, is_active in names if is_active] == ["platform", "auditor"]
    assert not [name for name, _ in names if name in ("admin", "manager")]


def _left(house: House, organisation: int) -> dict[str, int]:
    tables = ("pulse_contact", "pulse_address", "pulse_contact_list", "pulse_membership", "pulse_archive")
    with house.work(SYSTEM) as work, guard.platform_scope(work.session, "test"):
        return {
            name: work.session.scalar(
                text(f"SELECT count(*) FROM {name} WHERE organisation_id = :here"), {"here": organisation}
            )
            or 0
            for name in tables
        }
