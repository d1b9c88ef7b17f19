"""Its migrations make its tables and nothing else, and every table says whose rows it holds."""

import re
from typing import Any

import pytest

from connectpulse.core.storage import migrate
from connectpulse.core.storage.base import Owned, Table, metadata

from .conftest import Ground
from .specimen import Specimen

_PERSONAL = re.compile(
    r"(^|_)(phone|mobile|msisdn|email|e_mail|address|recipient|first_name|last_name|birthday|born_on|cnic|passport)($|_)"
)


def test_its_migrations_make_exactly_its_tables(ground: Ground, specimen: Specimen) -> None:
    assert specimen.info is not None
    assert ground.made == set(specimen.info.owns_tables)


def test_its_migrations_leave_no_drift(ground: Ground, specimen: Specimen) -> None:
    differences = migrate.drift(ground.house.engine, specimen.name)
    assert not differences, f"the mapped tables and the migrated ones differ: {differences}"


def test_its_migrations_are_at_their_head_and_may_run_twice(ground: Ground) -> None:
    ground.house.upgrade()
    assert migrate.pending(ground.house.engine, ground.house.migrations) == []


def test_its_tables_belong_to_organisations_or_say_why_not(table: str) -> None:
    reason = metadata.tables[table].info.get("platform_reason", "")
    assert issubclass(_model(table), Owned) or reason.strip(), (
        f"{table} is not Owned: mix it in, or give its __table_args__ an info with a platform_reason"
    )


def test_its_personal_columns_are_declared(table: str, specimen: Specimen) -> None:
    declared = {
        column
        for rule in specimen.offers("pulse_retention_rules")
        if rule.model.__tablename__ == table
        for column in rule.personal_columns
    }
    columns = {column.name for column in metadata.tables[table].columns if not column.name.endswith("_at")}
    forgotten = sorted(name for name in columns - declared if _PERSONAL.search(name))
    assert not forgotten, f"{table}: {', '.join(forgotten)} look personal and are not among the rule's personal_columns"


def _model(table: str) -> type[Any]:
    for mapper in Table.registry.mappers:
        if getattr(mapper.class_, "__tablename__", "") == table:
            found: type[Any] = mapper.class_
            return found
    pytest.fail(f"no class maps {table}")
