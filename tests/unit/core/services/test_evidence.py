"""The evidence of the policy: what held, what did not, what was not shown; signed, and readable alone."""

import io
import json
import subprocess
import sys
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connectpulse.core.domain.controls import CONTROLS
from connectpulse.core.errors import Refused
from connectpulse.core.services.evidence import bundle, looks
from connectpulse.core.services.evidence.bundle import Outcomes
from connectpulse.core.storage import guard
from connectpulse.core.storage.models import Drill
from connectpulse.core.storage.trust import trust
from connectpulse.house import House
from connectpulse.testing import factories

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
    assert found["by"]["8a"] | {"standing": "not shown", "owed": "versions of the policy"} == found["by"]["8a"]


def test_a_sentence_is_held_when_all_that_proves_it_was_good(house: House) -> None:
    found = gathered(house, EVERY)["by"]
    assert found["4"]["standing"] == "held"
    assert found["4"]["last_held"] == WHEN
    assert found["5a"]["standing"] == "held"
    assert found["5b"]["standing"] == "partly shown", "something is owed"
    http = gathered(house, EVERY, "http://127.0.0.1:8080")["by"]
    assert http["5a"]["standing"] == "broken"
    assert http["5a"]["last_held"] is None


def test_one_failed_case_breaks_what_it_proves(house: House) -> None:
    rules = "tests/house/test_retention.py::test_every_table_has_exactly_one_rule"
    for broken in (rules, f"{rules}[a-case]"):
        outcomes = EVERY | passed(rules) | passed(broken, outcome="failed")
        assert gathered(house, outcomes)["by"]["4"]["standing"] == "broken"
    skipped = EVERY | passed(rules, outcome="skipped")
    assert gathered(house, skipped)["by"]["4"]["standing"] == "partly shown"


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
    for chosen in ("test_good", "test_bad or test_left_out"):
        options = ["-q", "-p", "no:randomly", "-p", "no:cacheprovider", "-k", chosen, f"--pulse-evidence={record}"]
        subprocess.run([sys.executable, "-m", "pytest", *options], cwd=tmp_path, capture_output=True, check=False)
    found = json.loads(record.read_text())
    assert {name.partition("::")[2]: each["outcome"] for name, each in found.items()} == {
        "test_good": "passed", "test_bad": "failed", "test_left_out": "skipped", "test_bad_end": "failed",
    }  # fmt: skip
    assert bundle.read_tests(record).digest
