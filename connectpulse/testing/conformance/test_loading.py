"""It loads, says who it is, can be muted, and comes through the door."""

import ast
from collections.abc import Iterator
from pathlib import Path

from connectpulse.core import loader
from connectpulse.core.hookspecs import SERVING
from connectpulse.core.registry import Registry
from connectpulse.core.services import duties
from connectpulse.house import House

from . import sources
from . import specimen as specimens
from .specimen import Specimen

DOORS = ("connectpulse.core.api", "connectpulse.web.pages", "connectpulse.testing")
"""What a plugin may import of the house; pages for its views, testing in its tests."""


def test_it_loads_without_a_fault(specimen: Specimen) -> None:
    assert not specimen.faults, "refused: " + "; ".join(specimen.faults)


def test_it_lives_alone_with_core(house: House, specimen: Specimen) -> None:
    assert house.registry.refusals == {}
    assert specimen.name in house.registry.plugins


def test_it_says_who_it_is(specimen: Specimen) -> None:
    info = specimen.info
    assert info is not None
    assert info.title.strip(), "PluginInfo.title is empty"
    assert info.contact.strip(), "PluginInfo.contact is empty: whom does an administrator ask?"
    assert info.kinds, "PluginInfo.kinds is empty"
    distribution = specimen.entry_point.dist
    if distribution is not None:
        assert info.version == distribution.version, "PluginInfo.version is not the version of its distribution"


def test_muted_it_serves_nothing_and_keeps_its_duties(specimen: Specimen) -> None:
    served, muted = _registry(specimen), _registry(specimen, specimen.name)
    for duty in ("rules", "subjects", "actions"):
        assert set(getattr(muted, duty)) == set(getattr(served, duty)), f"muted, it forgets its {duty}"
    for hook, table in loader.NAMED.items():
        if hook in SERVING:
            own = {loader.key(each) for each in specimen.offers(hook)}
            assert not own & set(getattr(muted, table)), f"muted, it still serves {hook}"


def _registry(specimen: Specimen, *muted: str) -> Registry:
    registry = Registry()
    duties.register(registry)
    loader.load(registry, muted, specimen.entry_points)
    return registry


def test_it_comes_through_the_door(specimen: Specimen) -> None:
    assert specimen.candidate is not None
    package = specimen.candidate.package
    others = {each.value.partition(":")[0].partition(".")[0] for each in specimens.installed().values()} - {package}
    faults = [
        f"{path.name} line {line} imports {name}"
        for path in sources.of(package)
        for line, name in _imports(path)
        if not _is_allowed(name, others)
    ]
    assert not faults, "; ".join(faults)


def _imports(path: Path) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def _is_allowed(name: str, others: set[str]) -> bool:
    root = name.partition(".")[0]
    if root == "connectpulse":
        return any(name == door or name.startswith(f"{door}.") for door in DOORS)
    return root not in others
