"""Reading people's information for one of the uses the policy names, and for no other."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from ..domain.personal import Use, kind_of
from ..registry import Registry
from ..storage import uses
from .work import Work


@contextmanager
def within(work: Work, use: Use) -> Iterator[None]:
    """Let `work` read, inside the block, only personal columns that are meant for `use`.

    Any other statement raises NotForThis before it is sent. A column of no kind is meant for nothing.
    """
    with uses.limited(work.session, use.value, not_for(work.registry, use)):
        yield


def not_for(registry: Registry, use: Use) -> Mapping[str, frozenset[str]]:
    """Return the personal columns, by table, that are not meant for a use: core's, the accounts' and plugins'."""
    found = {}
    for rule in registry.rules.values():
        kinds = {column: kind_of(column, rule.kinds) for column in rule.personal_columns}
        columns = frozenset(column for column, kind in kinds.items() if kind is None or use not in kind.uses)
        if columns:
            found[rule.table] = columns
    return found
