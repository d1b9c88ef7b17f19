"""Finds plugins, refuses the faulty ones with every fault listed, mutes the muted ones, fills the registry.

Each plugin is loaded on its own, so that a broken one never stops the house. A muted plugin serves nothing,
but its retention, subject and audit duties go on.
"""

import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

import pluggy
import structlog
from huey import MemoryHuey
from sqlalchemy.orm import configure_mappers

from . import plugin_checks as checks
from .domain.contracts import PluginInfo
from .errors import PluginRefused
from .hookspecs import ENTRY_POINTS, NAMESPACE, SERVING, Hooks
from .registry import Registry
from .storage import migrate
from .storage.base import Table
from .storage.base import metadata as tables

log = structlog.get_logger(__name__)

NAMED: dict[str, str] = {
    "pulse_channels": "channels",
    "pulse_providers": "providers",
    "pulse_audit_actions": "actions",
    "pulse_payment_gateways": "gateways",
    "pulse_reports": "reports",
    "pulse_health": "health",
    "pulse_dashboard": "cards",
    "pulse_restore_checks": "restore_checks",
    "pulse_trials": "trials",
    "pulse_roles": "roles",
    "pulse_jobs": "jobs",
    "pulse_duties": "duties",
    "pulse_acts": "acts",
    "pulse_limits": "limits",
}
"""Hooks whose objects are kept by name, and where."""

LATER = frozenset({"pulse_demo"})
"""Hooks that are no declarations: they are kept, and called when their time comes."""


@dataclass(slots=True)
class Candidate:
    """A plugin that imported: its object, what each of its hooks returned, and the classes it mapped."""

    name: str
    plugin: object
    package: str
    results: dict[str, Any] = field(default_factory=dict)
    mappers: set[Any] = field(default_factory=set)

    @property
    def info(self) -> PluginInfo | None:
        info = self.results.get("pulse_plugin")
        return info if isinstance(info, PluginInfo) else None


def load(
    registry: Registry, muted: Iterable[str] = (), entry_points: Iterable[metadata.EntryPoint] | None = None
) -> None:
    """Load every installed plugin into `registry`; refusals are recorded there, never raised.

    `entry_points` replaces the installed ones, for tests and for the conformance kit.
    """
    registry.muted |= set(muted)
    found = metadata.entry_points(group=ENTRY_POINTS) if entry_points is None else entry_points
    candidates = []
    for entry_point in sorted(found, key=lambda each: each.name):
        try:
            candidates.append(examine(entry_point))
        except PluginRefused as refusal:
            _refuse(registry, refusal)
    channels = set(registry.channels) | {
        channel.name for each in candidates for channel in each.results.get("pulse_channels", ())
    }
    for candidate in candidates:
        try:
            _admit(registry, candidate, channels)
        except PluginRefused as refusal:
            _forget(candidate.package, candidate.mappers)
            _refuse(registry, refusal)


def installed() -> list[PluginInfo]:
    """Return who the installed plugins are, those that would be refused left out."""
    found = []
    for entry_point in metadata.entry_points(group=ENTRY_POINTS):
        try:
            info = examine(entry_point).info
        except PluginRefused:
            continue
        found += [info] if info is not None else []
    return found


def examine(entry_point: metadata.EntryPoint) -> Candidate:
    """Import one plugin, call its hooks and check everything it owes; raise PluginRefused with all faults."""
    before = set(Table.registry.mappers)
    package = entry_point.value.partition(":")[0].partition(".")[0]
    try:
        candidate = Candidate(entry_point.name, _import(entry_point), package)
        faults = [*_call_hooks(candidate), *_check(candidate)]
        if faults:
            raise PluginRefused(entry_point.name, faults)
    except PluginRefused:
        _forget(package, set(Table.registry.mappers) - before)
        raise
    candidate.mappers = set(Table.registry.mappers) - before
    for name in candidate.info.owns_tables if candidate.info else ():
        tables.tables[name].info["owner"] = candidate.name
    return candidate


def _import(entry_point: metadata.EntryPoint) -> object:
    try:
        loaded = entry_point.load()
        plugin: object = loaded() if isinstance(loaded, type) else loaded
        configure_mappers()
    except (Exception, SystemExit) as error:
        fault = f"it cannot be imported: {type(error).__name__}: {error}"
        raise PluginRefused(entry_point.name, [fault]) from error
    return plugin


def _call_hooks(candidate: Candidate) -> list[str]:
    """Call each hook once, on its own, and keep what it returned."""
    manager = pluggy.PluginManager(NAMESPACE)
    manager.add_hookspecs(Hooks)
    marker = f"{NAMESPACE}_impl"
    marked = {
        name: hasattr(getattr(candidate.plugin, name), marker)
        for name in dir(candidate.plugin)
        if name in checks.HOOK_NAMES
    }
    faults = list(checks.hook_names(candidate.plugin, marked))
    try:
        manager.register(candidate.plugin, candidate.name)
    except pluggy.PluginValidationError as error:
        return [*faults, f"a hook does not fit its specification: {error}"]
    for caller in manager.get_hookcallers(candidate.plugin) or ():
        if caller.name not in checks.HOOK_NAMES:
            continue
        try:
            result = _call(caller)
        except Exception as error:
            faults.append(f"{caller.name} failed: {type(error).__name__}: {error}")
            continue
        wrong = list(checks.result_type(caller.name, result))
        faults += wrong
        candidate.results[caller.name] = [] if wrong and caller.name in checks.LISTS else result
    return faults


def _call(caller: pluggy.HookCaller) -> Any:
    if caller.name == "pulse_tasks":
        scratch = MemoryHuey(immediate=True)
        caller(huey=scratch)
        return [task.__name__ for task in scratch._registry._registry.values()]  # noqa: SLF001 - huey has no list
    if caller.name in LATER:
        return []
    results = caller()
    return results[0] if results else None


def _check(candidate: Candidate) -> list[str]:
    try:
        return _faults(candidate)
    except Exception as error:
        return [f"its declarations cannot be read: {type(error).__name__}: {error}"]


def _faults(candidate: Candidate) -> list[str]:
    results, info = candidate.results, candidate.info
    faults = list(checks.missing_hooks(info, results))
    if info is None:
        return faults
    package_tables = migrate.tables_of(candidate.package)
    return [
        *faults,
        *checks.identity(info, candidate.name, package_tables),
        *checks.duties(package_tables, results.get("pulse_retention_rules", ()), results.get("pulse_subject_data", ())),
        *checks.verbs(candidate.name, results.get("pulse_audit_actions", ())),
        *checks.task_names(candidate.name, results.get("pulse_tasks", ())),
        *checks.doors(results.get("pulse_doors", ())),
        *checks.background(candidate.name, results.get("pulse_jobs", ()), results.get("pulse_duties", ())),
        *checks.prefixed("act", candidate.name, results.get("pulse_acts", ())),
        *checks.contents(results.get("pulse_channels", ())),
        *checks.forms(results.get("pulse_channels", ()), results.get("pulse_payment_gateways", ())),
        *checks.roles(results.get("pulse_roles", ()), results.get("pulse_views", ())),
    ]


def _admit(registry: Registry, candidate: Candidate, channels: set[str]) -> None:
    """Put a faultless plugin into the registry, unless it clashes with one that is there already."""
    results = candidate.results
    faults = [f"a plugin called {candidate.name} is loaded already."] if candidate.name in registry.plugins else []
    faults += [
        f"provider {cls.name} serves channel {cls.channel}, which no plugin offers."
        for cls in results.get("pulse_providers", ())
        if cls.channel not in channels
    ]
    for hook, table in NAMED.items():
        taken = set(getattr(registry, table))
        for each in results.get(hook, ()):
            faults += [f"the name {key(each)} in {hook} is taken."] if key(each) in taken else []
            taken.add(key(each))
    ledger = results.get("pulse_ledger")
    if ledger is not None and registry.ledger.is_metered:
        faults.append(f"a billing ledger is active already: {registry.ledger.name}.")
    if faults:
        raise PluginRefused(candidate.name, faults)
    assert candidate.info is not None
    registry.plugins[candidate.name] = candidate.info
    for rule in results["pulse_retention_rules"]:
        registry.rules[rule.model.__tablename__] = rule
    for handler in results["pulse_subject_data"]:
        registry.subjects[handler.model.__tablename__] = handler
    if candidate.name in registry.muted:
        results = {hook: value for hook, value in results.items() if hook not in SERVING}
    _serve(registry, candidate, results)


def _serve(registry: Registry, candidate: Candidate, results: dict[str, Any]) -> None:
    for hook, table in NAMED.items():
        getattr(registry, table).update({key(each): each for each in results.get(hook, ())})
    place = next(iter(getattr(sys.modules.get(candidate.package), "__path__", ())), None)
    if place is not None and candidate.name not in registry.muted:
        registry.packages[candidate.name] = Path(place)
    registry.doors |= {f"{candidate.name}/{door.name}": door for door in results.get("pulse_doors", ())}
    registry.views += results.get("pulse_views", ())
    if "pulse_tasks" in results:
        registry.tasks.append(candidate.plugin.pulse_tasks)  # type: ignore[attr-defined]
    if "pulse_demo" in results:
        registry.demos.append(candidate.plugin.pulse_demo)  # type: ignore[attr-defined]
    if "pulse_ledger" in results:
        registry.ledgers[results["pulse_ledger"].name] = results["pulse_ledger"]


def key(item: Any) -> str:
    """Return the name an object is kept by."""
    return str(item.verb if hasattr(item, "verb") else item.name)


def _refuse(registry: Registry, refusal: PluginRefused) -> None:
    registry.refusals[refusal.plugin] = refusal.faults
    log.error("plugin_refused", plugin=refusal.plugin, faults=list(refusal.faults))


def _forget(package: str, mappers: set[Any]) -> None:
    """Unmap the classes of a refused plugin: a half-declared one would fail every later statement.

    Its modules are forgotten too, so that another attempt finds them as they are on the disk.
    """
    registry = Table.registry
    for mapper in mappers:
        table, manager = mapper.local_table, mapper.class_manager
        registry._dispose_manager_and_mapper(manager)  # noqa: SLF001 - there is no public way to unmap one class
        registry._managers.pop(manager, None)  # noqa: SLF001 - else it stays among the mappers, without one
        if table is not None and table in tables.tables.values():
            tables.remove(table)
    for name in [name for name in sys.modules if mappers and f"{name}.".startswith(f"{package}.")]:
        del sys.modules[name]
