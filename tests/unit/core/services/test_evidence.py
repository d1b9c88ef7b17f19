"""The evidence of the policy: what held, what did not, what was not shown; signed, and readable alone."""

import io
import json
import subprocess
import sys
import zipfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from connectpulse.core.domain.controls import CONTROLS
from connectpulse.core.errors import Refused
from connectpulse.core.services.evidence import bundle, looks
from connectpulse.core.services.evidence.bundle import Outcomes
from connectpulse.core.services.policy import operator
from connectpulse.core.storage import guard
from connectpulse.core.storage.models import Drill
from connectpulse.core.storage.trust import trust
from connectpulse.house import House
from connectpulse.testing import factories
from tests.unit.core.services.rights_scene import Office
from tests.unit.core.services.scene import Scene

WHEN = "2026-11-25T10:00:00+00:00"
ADDRESS = "https://pulse.example.org"
BACKUPS = "tests/unit/core/services/test_backups.py"


def passed(*names: str, outcome: str = "passed") -> dict[str, dict[str, str]]:
    return {name: {"outcome": outcome, "when": WHEN} for name in names}


EVERY = {f"{name}::test_x" if "::" not in name else name: {"outcome": "passed", "when": WHEN}
         for control in CONTROLS for name in control.tests}  # fmt: skip


def gathered(house: House, outcomes: dict[str, dict[str, str]], address: str = ADDRESS) -> dict[str, Any]:
    with house.work(factories.ADMINISTRATOR) as work, guard.platform_scope(work.session, "test"):
        payload = bundle.gather(work, Outcomes(outcomes, "x"), address)
    payload["by"] = {row["number"]: row for row in payload["rows"]}
    return payload


def test_without_a_run_nothing_that_needs_one_is_held(house: House) -> None:
    found = gathered(house, {})
    assert len(found["rows"]) == 38
    assert sum(found["summary"].values()) == 38
    for row in found["rows"]:
        tests = [proof for proof in row["proofs"] if proof["kind"] == "test"]
        assert not tests or row["standing"] != "held", row["number"]
        assert all(proof["is_good"] is None for proof in tests)
    assert found["by"]["5d"]["standing"] == "broken", "there is no backup and no drill"
    assert found["by"]["2e"]["standing"] == "not shown"
    owed = {row["number"] for row in found["rows"] if row["owed"]}
    assert owed == {each.number for each in CONTROLS if each.owed}
    assert found["by"]["8a"]["standing"] == "broken", "no policy is in force"


def test_a_sentence_is_held_when_all_that_proves_it_was_good(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    found = gathered(house, EVERY)["by"]
    assert found["7a"]["standing"] == "held"
    assert found["7a"]["last_held"] == WHEN
    assert found["5a"]["standing"] == "held"
    assert found["5b"]["standing"] == "held"
    assert found["3f"]["standing"] == "held"
    assert found["3"]["standing"] == "held"
    monkeypatch.setattr(bundle, "CONTROLS", [replace(each, owed="a part of it") for each in CONTROLS])
    assert gathered(house, EVERY)["by"]["3"]["standing"] == "partly shown", "something is owed"
    http = gathered(house, EVERY, "http://127.0.0.1:8080")["by"]
    assert http["5a"]["standing"] == "broken"
    assert http["5a"]["last_held"] is None


def test_one_failed_case_breaks_what_it_proves(house: House) -> None:
    case = "tests/unit/core/services/test_subject_requests.py::test_a_correction_reaches_what_is_sent_next"
    for broken in (case, f"{case}[a-case]"):
        outcomes = EVERY | passed(case) | passed(broken, outcome="failed")
        assert gathered(house, outcomes)["by"]["7b"]["standing"] == "broken"
    skipped = EVERY | passed(case, outcome="skipped")
    assert gathered(house, skipped)["by"]["7b"]["standing"] == "not shown"


def test_a_test_is_meant_by_its_whole_name() -> None:
    assert bundle.is_of(f"{BACKUPS}::test_x", BACKUPS)
    assert bundle.is_of(f"{BACKUPS}::test_x[1]", f"{BACKUPS}::test_x")
    assert bundle.is_of("tests/faults/test_doubt.py::test_x", "tests/faults")
    assert not bundle.is_of(f"{BACKUPS}::test_xy", f"{BACKUPS}::test_x")
    assert not bundle.is_of("tests/faults_more/test_a.py::test_x", "tests/faults")


def test_a_drill_counts_for_five_weeks(house: House) -> None:
    now = datetime.now(UTC)
    with house.work(factories.ADMINISTRATOR) as work, guard.platform_scope(work.session, "test"):
        assert not looks.LOOKS["drill"](work, ADDRESS).is_good
        for days, is_passed, is_good in ((40, True, False), (20, True, True), (10, False, False), (1, True, True)):
            ended = now - timedelta(days=days)
            work.session.add(Drill(name=str(days), backup="pulse-x", is_passed=is_passed, ended_at=ended, report={}))
            work.session.flush()
            seen = looks.LOOKS["drill"](work, ADDRESS)
            assert (seen.is_good, seen.at) == (is_good, ended)


def seen(house: House, name: str) -> looks.Seen:
    with house.work(factories.ADMINISTRATOR) as work, guard.platform_scope(work.session, "test"):
        return looks.LOOKS[name](work, ADDRESS)


def sql(house: House, statement: str, **values: Any) -> None:
    with house.work(factories.ADMINISTRATOR) as work:
        work.session.execute(text(statement), values)


def test_the_action_log_must_have_been_verified_lately_and_hold(house: House) -> None:
    assert not seen(house, "chains").is_good, "it was never verified"
    row = "INSERT INTO pulse_audit_check (organisation_id, state, started_at, finished_at, seal) VALUES"
    now = datetime.now(UTC)
    sql(house, f"{row} (1, 'holds', :at, :at, ''), (2, 'running', :at, NULL, '')", at=now)
    assert (seen(house, "chains").is_good, seen(house, "chains").at) == (True, now)
    sql(house, f"{row} (3, 'holds', :at, :at, '')", at=now - timedelta(days=3))
    assert "too long ago" in seen(house, "chains").detail
    sql(house, f"{row} (4, 'broken', :at, :at, '')", at=now)
    assert "organisation 4" in seen(house, "chains").detail
    assert not seen(house, "chains").is_good


def test_rules_must_have_been_applied(house: House) -> None:
    assert not seen(house, "retention").is_good
    run = "INSERT INTO pulse_retention_run (started_at, is_done, error) VALUES (:at, true, :error)"
    now = datetime.now(UTC)
    sql(house, run, at=now, error="")
    assert (seen(house, "retention").is_good, seen(house, "retention").at) == (True, now)
    sql(house, run, at=now, error="pulse_mail: no room")
    assert "no room" in seen(house, "retention").detail
    assert not seen(house, "retention").is_good


def test_nothing_is_active_without_an_agreement(post_house: House) -> None:
    Scene(post_house, 1).connect("Post")
    assert seen(post_house, "agreements").is_good, "a trial needs none"
    sql(post_house, "UPDATE pulse_connection SET is_trial = false, is_active = true")
    found = seen(post_house, "agreements")
    assert (found.is_good, found.detail) == (False, "Active without an agreement: Post.")


def test_an_overdue_request_of_a_person_is_seen(house: House, organisation: int) -> None:
    desk = Office(house, organisation)
    request = desk.ask("access")
    assert seen(house, "requests").is_good
    sql(house, "UPDATE pulse_subject_request SET due_at = now() - interval '1 day'")
    assert seen(house, "requests").detail == "1 open request(s), 1 of them overdue."
    assert not seen(house, "requests").is_good
    sql(house, "UPDATE pulse_subject_request SET state = 'withdrawn' WHERE id = :id", id=request)
    assert seen(house, "requests").is_good


def test_an_operator_who_cannot_be_reached_and_a_missing_policy_are_seen(house: House) -> None:
    assert "legal entity" in seen(house, "operator").detail
    for name in ("operator", "policy", "named"):
        assert not seen(house, name).is_good
    with house.work(factories.ADMINISTRATOR) as work:
        facts = dict.fromkeys(operator.NEEDED, "x") | {"email": "a@example.org", "privacy_inbox": "p@example.org"}
        operator.change(work, facts | {"phone": "+92 42 1234567"})
    assert seen(house, "operator").is_good


def test_a_look_that_fails_is_no_proof(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(work: Any, address: str) -> Any:
        work.session.connection().exec_driver_sql("SELECT nothing FROM nowhere")

    monkeypatch.setattr(bundle, "LOOKS", {**looks.LOOKS, "https": broken})
    found = gathered(house, EVERY)["by"]["5a"]
    assert found["standing"] == "broken"
    assert any("ProgrammingError" in proof["detail"] for proof in found["proofs"])
    monkeypatch.setattr(bundle, "LOOKS", {name: look for name, look in looks.LOOKS.items() if name != "https"})
    assert gathered(house, EVERY)["by"]["5a"]["standing"] == "partly shown"


def exported(house: House) -> bytes:
    with house.work(factories.ADMINISTRATOR) as work, guard.platform_scope(work.session, "test"):
        return bundle.export(work, Outcomes(EVERY, "x"), ADDRESS)


def repacked(content: bytes, name: str, changed: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as before, zipfile.ZipFile(out, "w") as after:
        for each in before.namelist():
            after.writestr(each, changed if each == name else before.read(each))
    return out.getvalue()


def test_a_bundle_is_signed_as_a_whole(house: House) -> None:
    content = exported(house)
    assert bundle.verify(content, trust.public_key)["address"] == ADDRESS
    with zipfile.ZipFile(io.BytesIO(content)) as opened:
        parts = {name: opened.read(name) for name in opened.namelist()}
    assert set(parts) == {"evidence.json", "evidence.html", "policy.txt"}
    assert b"Regular database backups" in parts["evidence.html"]
    for name, part in parts.items():
        changed = part.replace(b"backups", b"backupz", 1)
        assert changed != part
        with pytest.raises(Refused):
            bundle.verify(repacked(content, name, changed), trust.public_key)
    for nonsense in (b"", b"PK", content[:-30], repacked(content, "evidence.json", b"[]")):
        with pytest.raises(Refused):
            bundle.verify(nonsense, trust.public_key)
    with pytest.raises(Refused):
        bundle.verify(content, "00" * 32)


def test_who_took_it_is_written_down(house: House) -> None:
    exported(house)
    with house.work(factories.ADMINISTRATOR) as work:
        row = work.session.connection().exec_driver_sql("SELECT actor_name, detail FROM pulse_audit").one()
    assert row[0] == factories.ADMINISTRATOR.name
    assert sum(row[1]["summary"].values()) == 38


def test_the_page_reads_alone_and_runs_nothing(house: House) -> None:
    with zipfile.ZipFile(io.BytesIO(exported(house))) as opened:
        page = opened.read("evidence.html").decode()
    assert page.startswith("<!doctype html>")
    for forbidden in ("<script", "http-equiv", "src=", "onclick"):
        assert forbidden not in page
    assert page.count("<article") == page.count("</article>") == 38


@pytest.mark.parametrize("content", ["", "[]", "{", '{"a": 1}', '{"a": {"outcome": "passed"}}',
                                     '{"a": {"outcome": "passed", "when": "yesterday"}}'])  # fmt: skip
def test_what_is_no_record_of_tests_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "tests.json"
    path.write_text(content)
    with pytest.raises(Refused, match="no record of tests"):
        bundle.read_tests(path)
    assert bundle.read_tests(tmp_path / "none.json") == bundle.read_tests(None) == Outcomes({}, "")


SAMPLE = """
import pytest
def test_good(): pass
def test_bad(): assert 0
@pytest.mark.skip
def test_left_out(): pass
@pytest.fixture
def breaks():
    yield
    raise ValueError
def test_bad_end(breaks): pass
"""


def test_a_run_of_tests_is_recorded(tmp_path: Path) -> None:
    (tmp_path / "test_sample.py").write_text(SAMPLE)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    record = tmp_path / "deep" / "tests.json"
    for chosen, jobs in (("test_good", "0"), ("test_bad or test_left_out", "2")):
        options = ["-q", "-n", jobs, "-p", "no:cacheprovider", "-k", chosen, f"--pulse-evidence={record}"]
        subprocess.run([sys.executable, "-m", "pytest", *options], cwd=tmp_path, capture_output=True, check=False)
    found = json.loads(record.read_text())
    assert {name.partition("::")[2]: each["outcome"] for name, each in found.items()} == {
        "test_good": "passed", "test_bad": "failed", "test_left_out": "skipped", "test_bad_end": "failed",
    }  # fmt: skip
    assert bundle.read_tests(record).digest
