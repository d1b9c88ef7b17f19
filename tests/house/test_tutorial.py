"""The tutorial works as it is written: its files make a plugin that passes the kit and sends a message."""

from pathlib import Path

import pytest

from tests.plugins import installing, tutorial


@pytest.fixture(scope="module")
def pigeon(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Write the tutorial's files and install them; return the project and where its metadata lies."""
    project = tutorial.write(tmp_path_factory.mktemp("pigeon"))
    site = tmp_path_factory.mktemp("site")
    assert installing.install(project, site) == "pigeon"
    return project, site


def test_every_block_is_a_file() -> None:
    assert len(tutorial.FILES) == tutorial.TEXT.count("\n```\n") == 6


def test_the_plugin_passes_its_kit_and_its_message_arrives(pigeon: tuple[Path, Path], lent: installing.Lent) -> None:
    done = installing.run_kit("pigeon", *pigeon, lent, str(pigeon[0] / "tests"))
    assert done.returncode == 0, done.stdout


def test_it_is_clean(pigeon: tuple[Path, Path]) -> None:
    done = installing.run(*pigeon, "-m", "ruff", "check", "--no-cache", "--line-length=120", ".")
    assert done.returncode == 0, done.stdout
