"""Habits of the code that a reader would otherwise have to check: size, names, leftovers, honest tests."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.house import code

MOST_LINES = 400
NEVER = frozenset({"notification", "blast", "credit", "client", "manager", "helper", "util"})
"""Words that say nothing, or something else in this field; `data` may be part of a name and not the whole."""
FLASK_APPBUILDER_SAYS = frozenset(
    {"connectpulse/web/security/manager.py", "PulseSecurityManager", "create_login_manager"}
)
"""Names of what is overridden; they are not ours to choose."""
LEFTOVER = re.compile(r"\b(" + "TO" + "DO|FIX" + r"ME|XX" + r"X)\b")
CLOCKS = frozenset({"monotonic", "perf_counter", "process_time"})


def test_no_file_is_too_long_to_be_read_at_once() -> None:
    long = {
        code.name(path): count
        for path in code.shipped()
        if "migrations/versions" not in code.name(path) and (count := len(path.read_text().splitlines())) > MOST_LINES
    }
    assert not long


def _named(path: Path) -> Iterator[tuple[str, str]]:
    yield path.stem, code.name(path)
    for node in code.nodes(path):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name, node.name


def _says_nothing(name: str) -> bool:
    return name.lower() == "data" or bool(NEVER & {word.removesuffix("s") for word in code.words(name)})


def test_names_are_the_fields_own_words() -> None:
    found = {
        f"{code.name(path)}: {name}"
        for path in code.shipped()
        for name, shown in _named(path)
        if _says_nothing(name) and shown not in FLASK_APPBUILDER_SAYS
    }
    assert not found


def test_nothing_is_left_for_later() -> None:
    texts = [path for path in code.files() if path.suffix in {".py", ".html", ".md", ".toml", ".css", ".mako"}]
    found = {
        f"{code.name(path)}:{number}"
        for path in texts
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if LEFTOVER.search(line)
    }
    assert not found


def test_every_module_says_what_it_is_for() -> None:
    assert not [code.name(path) for path in code.shipped() if path.read_text().strip() and not _doc(path)]


def _doc(path: Path) -> str | None:
    return ast.get_docstring(code.tree(path))


def _asserts_outside_loops(node: ast.AST) -> Iterator[ast.Assert]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.While):
            continue  # waiting for something, with a deadline
        if isinstance(child, ast.Assert):
            yield child
        yield from _asserts_outside_loops(child)


def test_no_test_depends_on_how_fast_the_machine_is() -> None:
    found = {
        f"{code.name(path)}:{each.lineno}"
        for path in code.tests()
        for each in _asserts_outside_loops(code.tree(path))
        if any(isinstance(node, ast.Attribute) and node.attr in CLOCKS for node in ast.walk(each.test))
    }
    assert not found
