"""What is written down is true: settings, commands, links, decisions; and nothing of a machine is in it."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from connectpulse.cli import connectpulse
from connectpulse.core.domain.settings import SETTINGS
from tests.house import code

DOCS = code.ROOT / "docs"
PAGES = [path for path in code.files() if path.suffix == ".md"]
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.M)
_ROW = re.compile(r"^\| `([^`]+)` \| ([^|]*) \|", re.M)
_BLOCK = re.compile(r"^```(?:\w+)?\n(.*?)^```", re.M | re.S)
_TARGET = re.compile(r"^([a-z][a-z-]*):.*##", re.M)
TARGETS = set(_TARGET.findall((code.ROOT / "Makefile").read_text()))

each_page = pytest.mark.parametrize("page", PAGES, ids=code.name)


def _commands(group: click.Group, before: str = "") -> Iterator[str]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from _commands(command, f"{before}{name} ")
        else:
            yield f"{before}{name}"


COMMANDS = set(_commands(connectpulse))


def test_every_setting_is_documented_with_its_default() -> None:
    written = {name: default.strip() for name, default in _ROW.findall((DOCS / "settings.md").read_text())}
    meant = {each.name: f"`{each.default}`" if each.default not in (None, "") else "empty" for each in SETTINGS}
    assert written == meant


def test_every_setting_is_explained() -> None:
    text = (DOCS / "settings.md").read_text()
    assert not [each.name for each in SETTINGS if each.label not in text]


def test_every_command_is_documented_and_no_other() -> None:
    written = {name for name, _ in _ROW.findall((DOCS / "commands.md").read_text())}
    assert written == {f"connectpulse {name}" for name in COMMANDS} | {f"make {name}" for name in TARGETS}


def _shown_commands(page: Path) -> Iterator[str]:
    """Yield what a page tells its reader to type: lines of code blocks, and code in sentences."""
    text = page.read_text()
    for block in _BLOCK.findall(text):
        yield from (line.strip() for line in block.splitlines())
    yield from re.findall(r"`((?:make|connectpulse) [a-z][^`]*)`", text)


def _is_real(line: str) -> bool:
    program, *words = line.split()
    if program == "make":
        words = [word for word in words if "=" not in word]
        return all(word in TARGETS for word in words[:1])
    return " ".join(words[:1]) in COMMANDS or " ".join(words[:2]) in COMMANDS


@each_page
def test_what_a_reader_is_told_to_type_exists(page: Path) -> None:
    lines = [line for line in _shown_commands(page) if re.match(r"(make|connectpulse) [a-z]", line)]
    assert not [line for line in lines if not _is_real(line)]


def _anchors(page: Path) -> set[str]:
    headings = _HEADING.findall(page.read_text())
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@each_page
def test_links_lead_somewhere(page: Path) -> None:
    dead = []
    for link in _LINK.findall(_BLOCK.sub("", page.read_text())):
        path, _, anchor = link.partition("#")
        if re.match(r"[a-z]+:", link):
            continue
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in _anchors(target)):
            dead.append(link)
    assert not dead


def test_every_page_is_found_from_the_front_door() -> None:
    seen, waiting = set(), [code.ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in seen:
            continue
        seen.add(page)
        links = (link.partition("#")[0] for link in _LINK.findall(page.read_text()) if ":" not in link)
        waiting += [
            path for link in links if link.endswith(".md") and (path := (page.parent / link).resolve()).exists()
        ]
    assert not [code.name(path) for path in PAGES if path.is_relative_to(DOCS) and path not in seen]


DECISIONS = sorted((DOCS / "adr").glob("[0-9]*.md"))


def test_decisions_are_numbered_without_a_gap() -> None:
    assert [int(path.name[:4]) for path in DECISIONS] == list(range(1, len(DECISIONS) + 1))


@pytest.mark.parametrize("page", DECISIONS, ids=lambda page: page.stem)
def test_a_decision_says_why_what_and_what_follows(page: Path) -> None:
    headings = _HEADING.findall(page.read_text())
    assert headings[0].startswith(f"{int(page.name[:4])}. ")
    assert headings[1:] == ["Context", "Decision", "Consequences"]
    listed = f"[{headings[0].partition('. ')[2]}]({page.name})"
    assert listed in (DOCS / "adr" / "README.md").read_text()


def test_the_glossary_is_in_order() -> None:
    words = re.findall(r"^\*\*(.+?)\.\*\*", (DOCS / "glossary.md").read_text(), re.M)
    assert words == sorted(words, key=str.lower)
    assert len(words) > 40


_MACHINES = re.compile(
    "|".join(
        (
            r"(?<![\w.])/(?:work|root|home/\w+|Users/\w+|tmp/\w+\.\w+)/",
            "files.pythonhosted." + "org",
            "pypi." + "org",
            "registry.npmjs." + "org",
            "deb.debian." + "org",
            r"(?:artifactory|nexus)\.[\w-]+\.\w+",
        )
    )
)
_TEXTS = {".py", ".md", ".toml", ".lock", ".html", ".css", ".js", ".json", ".yaml", ".yml", ".mako", ".txt", ""}


def test_no_file_names_a_machine_or_a_registry() -> None:
    found = {
        f"{code.name(path)}:{number}: {match.group()}"
        for path in code.files()
        if path.suffix in _TEXTS and ".min." not in path.name
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1)
        if (match := _MACHINES.search(line))
    }
    assert not found
