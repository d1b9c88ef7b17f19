"""Which personal columns the code reads, and what for: what each module names of core's tables, as classes or in SQL.

A module that begins to name one needs a line in `FOR`, with the use of the policy it serves.
"""

import ast
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from connectpulse.core.domain.personal import Personal, Use, kind_of
from connectpulse.core.services import duties
from connectpulse.core.storage.uses import offences
from tests.house import code

KINDS: Mapping[str, Mapping[str, Personal]] = {
    rule.table: {column: kind for column in rule.personal_columns if (kind := kind_of(column, rule.kinds))}
    for rule in duties.retention_rules()
    if rule.personal_columns
}
"""The kind of every personal column, by table and column."""
FOR: Mapping[str, Use] = {
    "connectpulse/core/services/access/": Use.ACCESS,
    "connectpulse/core/services/action_log/": Use.COMPLY,
    "connectpulse/core/services/audience.py": Use.DELIVER,
    "connectpulse/core/services/callbacks.py": Use.DELIVER,
    "connectpulse/core/services/consents.py": Use.COMPLY,
    "connectpulse/core/services/contacts.py": Use.OPERATE,
    "connectpulse/core/services/conversations/": Use.DELIVER,
    "connectpulse/core/services/dispatching.py": Use.DELIVER,
    "connectpulse/core/services/erased.py": Use.COMPLY,
    "connectpulse/core/services/import_batch.py": Use.OPERATE,
    "connectpulse/core/services/imports.py": Use.OPERATE,
    "connectpulse/core/services/inbound.py": Use.DELIVER,
    "connectpulse/core/services/lookups.py": Use.DELIVER,
    "connectpulse/core/services/notices/": Use.COMMUNICATE,
    "connectpulse/core/services/obstacles.py": Use.DELIVER,
    "connectpulse/core/services/policy/acceptance.py": Use.COMPLY,
    "connectpulse/core/services/policy/reminding.py": Use.COMMUNICATE,
    "connectpulse/core/services/early.py": Use.DELIVER,
    "connectpulse/core/services/receipt_log.py": Use.DELIVER,
    "connectpulse/core/services/recovery.py": Use.DELIVER,
    "connectpulse/core/services/repricing.py": Use.DELIVER,
    "connectpulse/core/services/retention/": Use.COMPLY,
    "connectpulse/core/services/rights/": Use.COMPLY,
    "connectpulse/core/services/support/": Use.COMMUNICATE,
    "connectpulse/core/services/suppression_batch.py": Use.COMPLY,
    "connectpulse/core/services/suppressions.py": Use.COMPLY,
    "connectpulse/core/services/traffic/": Use.SECURE,
    "connectpulse/core/services/twins.py": Use.DELIVER,
    "connectpulse/core/services/ways_in.py": Use.SECURE,
    "connectpulse/core/services/ways_out.py": Use.COMPLY,
    "connectpulse/core/storage/sealing.py": Use.COMPLY,
    "connectpulse/web/current.py": Use.ACCESS,
    "connectpulse/web/panel/access.py": Use.ACCESS,
    "connectpulse/web/panel/accounts.py": Use.ACCESS,
    "connectpulse/web/panel/audience.py": Use.OPERATE,
    "connectpulse/web/panel/audit.py": Use.COMPLY,
    "connectpulse/web/panel/imports.py": Use.OPERATE,
    "connectpulse/web/panel/messages.py": Use.DELIVER,
    "connectpulse/web/panel/organisations.py": Use.ACCESS,
    "connectpulse/web/panel/requests.py": Use.COMPLY,
    "connectpulse/web/panel/support.py": Use.COMMUNICATE,
    "connectpulse/web/security/": Use.ACCESS,
    "plugins/email/connectpulse_email/bounces/weary.py": Use.COMPLY,
}
"""What each module, or each folder of them, reads personal columns for."""
_CLASSES = {rule.model.__name__: rule.table for rule in duties.retention_rules() if rule.personal_columns}
_COLUMNS = tuple((table, tuple(sorted(columns))) for table, columns in KINDS.items())


@cache
def named(path: Path) -> frozenset[tuple[str, str]]:
    """Return the personal columns a module names, as pairs of table and column.

    `Contact.name` and `m.Contact.name` are one; so is `contact.name` in SQL that names the table. A whole row, as in
    `select(Contact)`, names no column: what is done with it then is.
    """
    return frozenset(_of_classes(path)) | frozenset(_of_sql(path))


def _of_classes(path: Path) -> Iterator[tuple[str, str]]:
    for node in code.nodes(path):
        if isinstance(node, ast.Attribute):
            owner = node.value.attr if isinstance(node.value, ast.Attribute) else getattr(node.value, "id", "")
            table = _CLASSES.get(owner)
            if table and node.attr in KINDS[table]:
                yield table, node.attr


def _of_sql(path: Path) -> Iterator[tuple[str, str]]:
    for node in code.nodes(path):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and "SELECT" in node.value:
            for found in offences(node.value, _COLUMNS):
                table, _, column = found.partition(".")
                yield table, column


def use_of(path: Path) -> Use | None:
    """Return what a module reads for, None if nobody said."""
    name = code.name(path)
    fits = (use for place, use in FOR.items() if name == place or (place.endswith("/") and name.startswith(place)))
    return next(fits, None)


def faults(name: str, use: Use | None, columns: frozenset[tuple[str, str]]) -> list[str]:
    """Return one sentence per column that is named without a use, or for one it is not meant for."""
    return [
        f"{name} names {table}.{column}, which is not for {use.value if use else 'nothing anybody said'}."
        for table, column in sorted(columns)
        if use is None or use not in KINDS[table][column].uses
    ]
