"""A plugin that was just written installs, passes its kit and its own tests, and is as clean as ours."""

from pathlib import Path

import pytest

from connectpulse import scaffold
from connectpulse.core.errors import Refused
from tests.house import code
from tests.plugins import installing


@pytest.fixture(scope="module")
def acme(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Write a plugin outside the tree and install it; return its project and where its metadata lies."""
    folder = tmp_path_factory.mktemp("partner")
    made = scaffold.write("acme", folder)
    assert made
    assert all(path.is_file() and path.is_relative_to(folder / "acme") for path in made)
    assert installing.install(folder / "acme", folder / "site") == "acme"
    return folder / "acme", folder / "site"


def test_it_passes_its_kit_and_its_own_tests_and_serves_its_people(
    acme: tuple[Path, Path], lent: installing.Lent
) -> None:
    visit = code.ROOT / "tests" / "plugins" / "acme_page.py"
    done = installing.run_kit("acme", *acme, lent, str(acme[0] / "tests"), str(visit))
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    "arguments",
    [("ruff", "check", "--no-cache", "."), ("ruff", "format", "--no-cache", "--check", ".")],
    ids=["lint", "format"],
)
def test_it_is_clean(acme: tuple[Path, Path], arguments: tuple[str, ...]) -> None:
    done = installing.run(*acme, "-m", *arguments)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", ["zz", "a" * 20])
def test_it_is_clean_under_any_name(tmp_path: Path, name: str) -> None:
    scaffold.write(name, tmp_path)
    for arguments in (("check", "--no-cache", "."), ("format", "--no-cache", "--check", ".")):
        done = installing.run(tmp_path / name, tmp_path, "-m", "ruff", *arguments)
        assert done.returncode == 0, done.stdout


def test_nothing_is_left_unfilled(acme: tuple[Path, Path]) -> None:
    for path in acme[0].rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            assert "$" not in path.read_text(), path
            assert not path.name.endswith(".tmpl")


@pytest.mark.parametrize("name", ["", "Acme", "a-b", "a_b", "1a", "../a", "core", "pulse", "sms", "ä"])
def test_a_name_no_plugin_can_have_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(Refused):
        scaffold.write(name, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_is_taken_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "acme").mkdir()
    with pytest.raises(Refused, match="exists already"):
        scaffold.write("acme", tmp_path)
    assert list((tmp_path / "acme").iterdir()) == []
