"""Columns that would go wrong quietly: times without a zone, money as floats, secrets in the clear."""

import ast

import pytest
from sqlalchemy import DateTime, Float, Table

from connectpulse.core.storage import models  # noqa: F401 - maps the tables
from connectpulse.core.storage.base import metadata
from connectpulse.core.storage.vault import Encrypted
from tests.house import code

OURS = [table for table in metadata.sorted_tables if not table.name.startswith("ab_")]


@pytest.mark.parametrize("table", OURS, ids=lambda table: table.name)
def test_every_moment_knows_its_zone(table: Table) -> None:
    assert not [each.name for each in table.columns if isinstance(each.type, DateTime) and not each.type.timezone]


@pytest.mark.parametrize("table", OURS, ids=lambda table: table.name)
def test_no_amount_is_a_float(table: Table) -> None:
    assert not [each.name for each in table.columns if isinstance(each.type, Float)]


@pytest.mark.parametrize("table", OURS, ids=lambda table: table.name)
def test_secrets_are_stored_encrypted(table: Table) -> None:
    words = ("secret", "password", "credential", "api_key")
    named = [each for each in table.columns if any(word in each.name for word in words)]
    assert all(isinstance(each.type, Encrypted) for each in named)


def test_nobody_asks_the_machine_for_a_naive_time() -> None:
    found = {
        f"{code.name(path)}:{node.lineno}"
        for path in code.shipped()
        for node in code.nodes(path)
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in {"datetime.utcnow", "datetime.now", "date.today", "datetime.today"}
        and not node.args
        and not node.keywords
    }
    assert not found
