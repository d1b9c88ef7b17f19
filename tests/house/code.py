"""The code as the house tests read it: tracked files, and their syntax trees."""

import ast
import functools
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


@functools.cache
def files() -> tuple[Path, ...]:
    """Return every file of the project: tracked, or new and not ignored."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    return tuple(path for name in sorted(set(listed.split("\0"))) if name and (path := ROOT / name).is_file())


def shipped() -> list[Path]:
    """Return the Python files that are installed: the distribution's and the plugins', without tests."""
    parts = (path.relative_to(ROOT).parts for path in files() if path.suffix == ".py")
    return [ROOT.joinpath(*each) for each in parts if each[0] in ("connectpulse", "plugins") and "tests" not in each]


def tests() -> list[Path]:
    """Return the Python files of all tests."""
    return [path for path in files() if path.suffix == ".py" and "tests" in path.relative_to(ROOT).parts]


@functools.cache
def tree(path: Path) -> ast.Module:
    """Return the syntax tree of a Python file."""
    return ast.parse(path.read_text(), str(path))


def nodes(path: Path) -> Iterator[ast.AST]:
    """Yield every node of a Python file."""
    return ast.walk(tree(path))


def name(path: Path) -> str:
    """Return a file's path as a reader of a failure wants it."""
    return path.relative_to(ROOT).as_posix()


def words(identifier: str) -> list[str]:
    """Return the words of an identifier in small letters: `HTTPServer_name` is http, server, name."""
    return [word.lower() for word in _WORD.findall(identifier)]
