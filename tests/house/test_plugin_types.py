"""What authors of plugins begin with is typed: each project passes mypy under its own settings."""

from collections.abc import Callable
from pathlib import Path

import pytest

from connectpulse import scaffold
from tests.house import code
from tests.plugins import installing, tutorial

pytestmark = pytest.mark.slow

CACHE = code.ROOT / "build" / "plugin-types"
"""Nearly all that mypy does here is to read the house: once for all projects, and for the next run."""


def scaffolded(folder: Path) -> Path:
    scaffold.write("acme", folder)
    return folder / "acme"


@pytest.mark.parametrize("write", [scaffolded, tutorial.write], ids=["scaffold", "tutorial"])
def test_its_types_are_right(tmp_path: Path, write: Callable[[Path], Path]) -> None:
    project = write(tmp_path)
    done = installing.run(project, project, "-m", "mypy", "--cache-dir", str(CACHE))
    assert done.returncode == 0, done.stdout
    assert "Success" in done.stdout
