"""What the plugins here declare about their own routes, in files `plugins/<name>/tests/matrix_<area>.py`.

Such a file may define `DOORS`, `OPEN`, `KEYED`, `ARGUMENTS` and `SENT` as `tests/house/matrix.py` does, and `NOUNS`
and `OF_THE_PLATFORM` as `tests/journeys/specimens.py` does. It is added to what core says.
"""

import functools
import importlib.util
import sys
from collections.abc import Mapping
from types import ModuleType
from typing import Any, NamedTuple

from connectpulse.web.security.roles import ROLES, Rights, allows
from tests.house.code import ROOT


class Door(NamedTuple):
    """What a route asks for: `verb` on `page`, and `post` instead for a POST to a page that others may read.

    `of` is the noun of `tests.journeys.specimens` its address names.
    """

    verb: str
    page: str
    of: str = ""
    post: str = ""

    def opens(self, role: str, method: str = "GET", given: Rights = ROLES) -> bool:
        """Return whether a role may ask this route by a method."""
        verb = self.post if self.post and method == "POST" else self.verb
        return allows(frozenset({role}), verb, self.page, given)


@functools.cache
def _files() -> tuple[ModuleType, ...]:
    return tuple(_loaded(path) for path in sorted((ROOT / "plugins").glob("*/tests/matrix_*.py")))


def _loaded(path: Any) -> ModuleType:
    if str(path.parent) not in sys.path:
        sys.path.append(str(path.parent))  # it may import what its neighbours share, like any test there
    spec = importlib.util.spec_from_file_location(f"declared_{path.parents[1].name}_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def table(name: str) -> dict[str, Any]:
    """Return everything the plugins declare in tables of this name."""
    found: dict[str, Any] = {}
    for module in _files():
        more: Mapping[str, Any] = getattr(module, name, {})
        assert not found.keys() & more.keys(), f"{name} has {sorted(found.keys() & more.keys())} twice."
        found |= more
    return found


def names(name: str) -> frozenset[str]:
    """Return everything the plugins declare in sets of this name."""
    return frozenset(each for module in _files() for each in getattr(module, name, ()))
