"""The page on hooks says what the specifications say, and every hook is told in full and tried."""

import ast
import inspect

import pytest

from connectpulse.core import api
from connectpulse.core.plugin_checks import HOOK_NAMES
from connectpulse.testing.conformance.conftest import OFFERS
from tests.house import code, hooks_page

PAGE = (code.ROOT / "docs" / "hooks.md").read_text()

each_hook = pytest.mark.parametrize("name", hooks_page.HOOKS)


def test_the_page_is_what_the_specifications_say() -> None:
    assert hooks_page.page() == PAGE, "write it anew: python -m tests.house.hooks_page > docs/hooks.md"


def test_a_hook_that_is_gone_or_changed_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def pulse_views(self: object, panel: str) -> list[str]:
        """Say otherwise. Arguments: `panel`. Returns: words. Example: `return []`"""
        return []

    hooks = hooks_page.HOOKS
    monkeypatch.setattr(hooks_page, "HOOKS", hooks | {"pulse_views": pulse_views})
    assert hooks_page.page() != PAGE
    monkeypatch.setattr(hooks_page, "HOOKS", {name: hook for name, hook in hooks.items() if name != "pulse_views"})
    assert hooks_page.page() != PAGE


@each_hook
def test_a_hook_is_told_in_full(name: str) -> None:
    parts = hooks_page.sections(name)
    arguments = [each for each in inspect.signature(hooks_page.HOOKS[name]).parameters if each != "self"]
    assert parts[""].endswith(".")
    assert parts["Returns"]
    assert ("Arguments" in parts) == bool(arguments)
    assert all(f"`{each}`" in parts["Arguments"] for each in arguments)
    assert f"### {name}\n" in PAGE
    assert f"def {name}{hooks_page.signature(hooks_page.HOOKS[name])}" in PAGE


@each_hook
def test_an_example_fits_what_it_shows(name: str) -> None:
    example = ast.parse("def hook():\n    " + hooks_page.sections(name)["Example"].strip("`"))
    for call in (node for node in ast.walk(example) if isinstance(node, ast.Call)):
        if isinstance(call.func, ast.Name) and call.func.id in api.__all__:
            named = {each.arg: None for each in call.keywords if each.arg}
            inspect.signature(getattr(api, call.func.id)).bind(*call.args, **named)


def test_the_kit_looks_at_what_every_hook_hands_over() -> None:
    assert {hook for hook, _ in OFFERS.values()} | {"pulse_plugin", "pulse_ledger", "pulse_demo"} == HOOK_NAMES


def test_a_plugin_can_name_every_type_that_is_documented() -> None:
    assert not [cls.__name__ for cls in hooks_page.HANDED_OVER if cls.__name__ not in api.__all__]
