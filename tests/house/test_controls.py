"""What is said to prove the policy exists: every test by its name, every look, and what is owed is said."""

import ast
from collections.abc import Iterator

import pytest

from connectpulse.core.domain.controls import CONTROLS, Control
from connectpulse.core.services.evidence.bundle import is_of
from connectpulse.core.services.evidence.looks import LOOKS
from tests.house import code


def proofs_of(path: str) -> Iterator[str]:
    """Yield the ids of the tests in a file or a folder."""
    place = code.ROOT / path
    for file in sorted(place.rglob("test_*.py")) if place.is_dir() else [place] if place.is_file() else []:
        for node in ast.walk(code.tree(file)):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                yield f"{code.name(file)}::{node.name}"


@pytest.mark.parametrize("control", CONTROLS, ids=lambda control: control.number)
def test_every_test_that_is_named_exists(control: Control) -> None:
    for name in control.tests:
        assert [each for each in proofs_of(name.partition("::")[0]) if is_of(each, name)], name


@pytest.mark.parametrize("control", CONTROLS, ids=lambda control: control.number)
def test_every_look_that_is_named_exists(control: Control) -> None:
    assert set(control.looks) <= set(LOOKS)


def test_every_look_is_of_use() -> None:
    assert {look for control in CONTROLS for look in control.looks} == set(LOOKS)


@pytest.mark.parametrize("control", CONTROLS, ids=lambda control: control.number)
def test_what_nothing_proves_is_owed(control: Control) -> None:
    assert control.tests or control.looks or control.owed
    assert control.says.endswith(".")
