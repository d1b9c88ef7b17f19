"""Every act that is written down has a sentence, and every sentence can be read."""

import ast
import functools
import re
import string
from collections.abc import Iterator
from pathlib import Path

import pytest

from connectpulse.core.domain.audit import AuditAction
from connectpulse.core.services import duties
from tests.house import code

_VERB = re.compile(r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+$")
ACTIONS = duties.actions()
VERBS = {action.verb for action in ACTIONS}
CORE = [path for path in code.shipped() if code.name(path).startswith("connectpulse/")]


@functools.cache
def _writers() -> set[str]:
    """Return the names of the functions that are told a verb, and of what keeps one for them."""
    return {"Reading"} | {
        node.name
        for path in CORE
        for node in code.nodes(path)
        if isinstance(node, ast.FunctionDef)
        and any(each.arg == "verb" for each in (*node.args.args, *node.args.kwonlyargs))
    }


def _constants(path: Path) -> dict[str, str]:
    """Return the texts that have a name at the top of a file."""
    found: dict[str, str] = {}
    for node in code.tree(path).body:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                several = isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple)
                names, values = (target.elts, node.value.elts) if several else ([target], [node.value])
                for name, value in zip(names, values, strict=True):
                    if isinstance(name, ast.Name) and isinstance(value, ast.Constant) and isinstance(value.value, str):
                        found[name.id] = value.value
    return found


def _used(path: Path) -> Iterator[str]:
    writers, constants = _writers(), _constants(path)
    for node in code.nodes(path):
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in writers:
            for argument in (*node.args, *(each.value for each in node.keywords)):
                for each in ast.walk(argument):
                    said = constants.get(each.id) if isinstance(each, ast.Name) else getattr(each, "value", None)
                    if isinstance(said, str) and _VERB.match(said):
                        yield said


def test_there_are_writers() -> None:
    assert {"record", "record_named", "create", "update", "delete"} <= _writers()


def test_entries_are_written_by_sealing_alone() -> None:
    writing = re.compile(r"(INTO|UPDATE|DELETE FROM) pulse_audit\b|insert\(AuditEntry")
    found = {code.name(path) for path in code.shipped() if "migrations" not in path.parts}
    assert {name for name in found if writing.search((code.ROOT / name).read_text())} == {
        "connectpulse/core/storage/sealing.py"
    }


def test_every_verb_in_the_code_has_a_sentence() -> None:
    used = {verb: code.name(path) for path in CORE for verb in _used(path)}
    assert len(used) > 30
    assert not {verb: where for verb, where in used.items() if verb not in VERBS}


def test_every_sentence_tells_of_something_that_happens() -> None:
    assert not VERBS - {verb for path in CORE for verb in _used(path)}


def test_no_verb_is_declared_twice() -> None:
    assert len(VERBS) == len(ACTIONS)


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.verb)
def test_a_sentence_names_who_and_what_and_nothing_else(action: AuditAction) -> None:
    asked = {name for _, name, _, _ in string.Formatter().parse(action.sentence) if name is not None}
    assert asked <= {"actor", "object"}
    read = action.sentence.format(actor="Amina", object="Spring")
    assert read[0].isupper()
    assert read.endswith(".")
    assert "{" not in read
