"""Who may import whom: the contracts of pyproject.toml, and what they cannot say."""

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

from tests.house import code

OURS = "connectpulse"


def test_the_contracts_hold() -> None:
    program = "from importlinter.cli import lint_imports_command; lint_imports_command(['--no-cache'])"
    done = subprocess.run([sys.executable, "-c", program], cwd=code.ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def _imported(path: Path) -> Iterator[str]:
    """Yield the modules a file imports, absolute, without those for type checkers only."""
    package = list(path.relative_to(code.ROOT).with_suffix("").parts[:-1])
    for node in code.nodes(path):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            yield ".".join([*base, *([node.module] if node.module else [])])


def test_the_domain_needs_the_standard_library_only() -> None:
    folder = code.ROOT / OURS / "core" / "domain"
    allowed = (f"{OURS}.core.domain", f"{OURS}.core.errors")
    found = {
        f"{path.name}: {module}"
        for path in sorted(folder.glob("*.py"))
        for module in _imported(path)
        if module.partition(".")[0] not in sys.stdlib_module_names
        and not module.startswith(allowed)
        and module != f"{OURS}.core.services.work"  # the type of an argument, for type checkers
    }
    assert not found


def _plugins() -> dict[str, list[Path]]:
    """Return the packages of the plugins in the tree with their files."""
    found: dict[str, list[Path]] = {}
    for path in code.shipped():
        parts = path.relative_to(code.ROOT).parts
        if parts[0] == "plugins" and len(parts) > 3:
            found.setdefault(parts[2], []).append(path)
    return found


def test_a_plugin_comes_in_through_the_one_door() -> None:
    found = set()
    for package, paths in _plugins().items():
        for path in paths:
            for module in _imported(path):
                top = module.partition(".")[0]
                is_ours = top.startswith(OURS) and top != package
                if is_ours and module not in {f"{OURS}.core.api", f"{OURS}.web.pages"}:
                    found.add(f"{code.name(path)}: {module}")
    assert not found


def test_every_plugin_is_under_contract() -> None:
    settings = tomllib.loads((code.ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    assert sorted(settings["root_packages"]) == sorted([OURS, *_plugins()])
    doors = next(each for each in settings["contracts"] if each["id"] == "one-door")
    assert sorted(doors["source_modules"]) == sorted(_plugins())


def test_core_and_faces_do_not_read_the_environment() -> None:
    readers = {
        code.name(path)
        for path in code.shipped()
        for node in code.nodes(path)
        if isinstance(node, ast.Attribute) and node.attr == "environ" and ast.unparse(node.value) == "os"
    }
    settled = ("connectpulse/core/", "connectpulse/web/", "connectpulse/tasks/", "plugins/")
    programs = {"connectpulse/core/storage/embedded.py"}  # PostgreSQL's own programs inherit it
    assert not [name for name in readers - programs if name.startswith(settled)]


def test_every_room_of_the_house_has_a_floor() -> None:
    settings = tomllib.loads((code.ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    floors = next(each for each in settings["contracts"] if each["id"] == "floors")["layers"]
    named = {room.strip(" ()") for floor in floors for room in floor.split("|")}
    rooms = set()
    for path in code.shipped():
        parts = path.relative_to(code.ROOT).with_suffix("").parts
        depth = 3 if parts[:2] == (OURS, "core") else 2
        if parts[0] == OURS and len(parts) >= depth and parts[depth - 1] != "__init__":
            rooms.add(".".join(parts[:depth]))
    assert not rooms - named
