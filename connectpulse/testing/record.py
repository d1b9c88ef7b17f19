"""What a run of tests leaves for the evidence of the policy: the outcome of each test, and when it was."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest


class Recorder:
    """Gathers outcomes while tests run, and adds them to a file of earlier ones at the end."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._outcomes: dict[str, dict[str, str]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the outcome of a test: failed if any of its phases did, skipped if one was."""
        before = self._outcomes.get(report.nodeid, {}).get("outcome", "passed")
        outcome = report.outcome if before == "passed" else before
        self._outcomes[report.nodeid] = {"outcome": outcome, "when": datetime.now(UTC).isoformat(timespec="seconds")}

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write the file, whole or not at all."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        earlier = json.loads(self._path.read_text()) if self._path.is_file() else {}
        draft = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        draft.write_text(json.dumps(earlier | self._outcomes, indent=0, sort_keys=True))
        draft.replace(self._path)
