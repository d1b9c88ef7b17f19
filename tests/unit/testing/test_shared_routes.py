"""What is written once for a route builds the addresses of every application that has it."""

from typing import Any
from unittest.mock import patch

import pytest
from werkzeug.routing import Map, Rule

from connectpulse.testing import routing

RULES = {
    "plain": ("/list/", {}),
    "numbered": ("/show/<int:pk>", {}),
    "numbered_otherwise": ("/show/<int(fixed_digits=4):pk>", {}),
    "first": ("/page/<int:pk>", {"pk": 1}),
    "second": ("/page/<int:pk>", {"pk": 2}),
}


def addresses() -> list[str]:
    """Return the addresses that a fresh map builds."""
    rules = [Rule(path, endpoint=name, defaults=defaults) for name, (path, defaults) in RULES.items()]
    made = Map(rules).bind("example.org")
    return [made.build(name, {"pk": defaults.get("pk", 7), "q": "ä b"}) for name, (_, defaults) in RULES.items()]


def test_addresses_are_those_that_werkzeug_builds() -> None:
    expected = addresses()
    assert len(set(expected)) == len(expected)
    write, written = Rule._compile_builder, []

    def noted(rule: Rule, append_unknown: bool = True) -> Any:
        written.append((rule.endpoint, append_unknown))
        return write(rule, append_unknown)

    with patch.object(Rule, "_compile_builder", noted), routing.written_once():
        assert addresses() == expected
        assert addresses() == expected
    assert sorted(written) == sorted((name, each) for name in RULES for each in (False, True))


def test_it_ends_with_the_block() -> None:
    before = Rule._compile_builder
    with pytest.raises(RuntimeError), routing.written_once():
        raise RuntimeError
    assert Rule._compile_builder is before
