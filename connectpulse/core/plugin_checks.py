"""What is wrong with a plugin: every fault in a plain sentence, none hidden behind another."""

import difflib
import inspect
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from .domain.acts import Act
from .domain.audit import AuditAction
from .domain.contracts import API_VERSION, Channel, Ledger, PluginInfo
from .domain.doors import Door
from .domain.faces import Card, HealthCheck, PaymentGateway, Report, RestoreCheck, View
from .domain.form import Field, Form, Kind
from .domain.jobs import Duty, Job
from .domain.limits import Limit
from .domain.personal import is_never_named, kind_of
from .domain.provider import Provider
from .domain.retention import RetentionRule, SubjectHandler
from .domain.roles import CORE, Role
from .domain.trial import Trial
from .hookspecs import ALWAYS, BY_HOOK, BY_KIND, Hooks

_NAME = re.compile(r"[a-z][a-z0-9]{1,19}")
_DOOR = re.compile(r"[a-z][a-z0-9-]{0,39}")
LONGEST_ROLE = 40
LONGEST_JOB = 60
_KINDS = "declare in the rule's kinds which it is, or do not keep it"
_RESERVED = ("ab", "alembic", "core", "huey", "pulse")
"""Beginnings of table names that are taken."""

HOOK_NAMES = frozenset(name for name in vars(Hooks) if name.startswith("pulse_"))

LISTS: Mapping[str, type[Any]] = {
    "pulse_retention_rules": RetentionRule,
    "pulse_subject_data": SubjectHandler,
    "pulse_audit_actions": AuditAction,
    "pulse_channels": Channel,
    "pulse_payment_gateways": PaymentGateway,
    "pulse_views": View,
    "pulse_reports": Report,
    "pulse_health": HealthCheck,
    "pulse_dashboard": Card,
    "pulse_restore_checks": RestoreCheck,
    "pulse_trials": Trial,
    "pulse_roles": Role,
    "pulse_doors": Door,
    "pulse_jobs": Job,
    "pulse_duties": Duty,
    "pulse_acts": Act,
    "pulse_limits": Limit,
}
"""Hooks that return a list, and of what."""


def hook_names(plugin: object, is_marked: Mapping[str, bool]) -> Iterator[str]:
    """Find hooks that are misspelt, or spelt right and not marked with `hookimpl`."""
    for name in dir(plugin):
        if not name.startswith("pulse_"):
            continue
        if name not in HOOK_NAMES:
            near = difflib.get_close_matches(name, HOOK_NAMES, 1)
            hint = f"; did you mean {near[0]}?" if near else "."
            yield f"there is no hook {name}{hint}"
        elif not is_marked.get(name):
            yield f"{name} is not marked with hookimpl, so it would never be called."
        elif (given := _arguments(plugin, name)) != (owed := _OWED[name]):
            yield f"{name} takes ({', '.join(given)}), not ({', '.join(owed)})."


def _arguments(owner: object, hook: str) -> list[str]:
    return list(inspect.signature(getattr(owner, hook)).parameters)


_OWED = {name: _arguments(Hooks(), name) for name in HOOK_NAMES}


def missing_hooks(info: PluginInfo | None, have: Collection[str]) -> Iterator[str]:
    """Find hooks the plugin owes because of what it is and what else it implements."""
    owed = {name: "every plugin owes it" for name in ALWAYS}
    for kind in info.kinds if info else ():
        owed |= {name: f"a plugin of kind {kind} owes it" for name in BY_KIND[kind]}
    for hook, needs in BY_HOOK.items():
        if hook in have:
            owed |= {name: f"a plugin with {hook} owes it" for name in needs}
    for name in sorted(set(owed) - set(have)):
        yield f"{name} is missing: {owed[name]}."


def result_type(hook: str, result: Any) -> Iterator[str]:
    """Find a hook that returned something else than its specification promises."""
    if hook == "pulse_plugin" and not isinstance(result, PluginInfo):
        yield f"pulse_plugin returned {type(result).__name__}, not PluginInfo."
    elif hook == "pulse_ledger" and not isinstance(result, Ledger):
        yield f"pulse_ledger returned {type(result).__name__}, not a Ledger."
    elif hook == "pulse_providers":
        yield from _providers(result)
    elif hook in LISTS:
        if not isinstance(result, list):
            yield f"{hook} returned {type(result).__name__}, not a list."
            return
        for item in result:
            if not isinstance(item, LISTS[hook]):
                yield f"{hook} returned a list with {type(item).__name__} in it, not {LISTS[hook].__name__}."


def _providers(result: Any) -> Iterator[str]:
    if not isinstance(result, list):
        yield f"pulse_providers returned {type(result).__name__}, not a list."
        return
    for cls in result:
        if not (isinstance(cls, type) and issubclass(cls, Provider)):
            yield f"pulse_providers returned {cls!r}, which is no Provider class."
        elif inspect.isabstract(cls):
            methods = ", ".join(sorted(cls.__abstractmethods__))
            yield f"provider {cls.__name__} does not implement {methods}."
        else:
            promised = ("name", "title", "channel", "settings_form", "ambiguity", "errors")
            absent = [name for name in promised if not hasattr(cls, name)]
            if absent:
                yield f"provider {cls.__name__} does not set {', '.join(absent)}."
            else:
                yield from _belonging(f"provider {cls.name}", cls.settings_form)


def name_fault(name: str) -> str | None:
    """Return what keeps a plugin from being called `name`, None if nothing does."""
    if _NAME.fullmatch(name) and name not in _RESERVED:
        return None
    return f"A plugin cannot be called {name!r}: use small letters and digits, and none of {', '.join(_RESERVED)}."


def identity(info: PluginInfo, name: str, package_tables: Collection[str]) -> Iterator[str]:
    """Find a plugin that is not who its entry point says, or owns other tables than it maps."""
    fault = name_fault(info.name)
    if fault:
        yield fault
    if info.name != name:
        yield f"its entry point is called {name!r}, but pulse_plugin says {info.name!r}."
    if info.api != API_VERSION:
        yield f"it is written for plugin API {info.api}; this is {API_VERSION}."
    owned, mapped = set(info.owns_tables), set(package_tables)
    for table in sorted(mapped - owned):
        yield f"table {table} is mapped but not listed in owns_tables."
    for table in sorted(owned - mapped):
        yield f"table {table} is listed in owns_tables but no class maps it."
    for table in sorted(owned):
        if not table.startswith(f"{info.name}_"):
            yield f"table {table} must be called {info.name}_…"
    if owned and info.migrations is None:
        yield "it owns tables but names no migrations package."


def duties(
    tables: Collection[str], rules: Iterable[RetentionRule], handlers: Iterable[SubjectHandler]
) -> Iterator[str]:
    """Find tables without exactly one retention rule, and personal columns without a subject handler."""
    rules = list(rules)
    covered = [rule.model.__tablename__ for rule in rules]
    for table in sorted(set(tables) - set(covered)):
        yield f"table {table} has no retention rule."
    for table in sorted(set(covered) - set(tables)):
        yield f"a retention rule names table {table}, which is not its own."
    for table in sorted({name for name in covered if covered.count(name) > 1}):
        yield f"table {table} has more than one retention rule."
    handled = {handler.model.__tablename__ for handler in handlers}
    for rule in rules:
        table, columns = rule.model.__tablename__, rule.model.__table__.columns
        names = {column.name for column in columns} | set(rule.model.__mapper__.attrs.keys())
        for column in sorted({rule.age_column, *rule.personal_columns} - names):
            yield f"the retention rule of {table} names column {column}, which does not exist."
        if rule.personal_columns and table not in handled:
            yield f"table {table} has personal columns but no subject handler."
        yield from _unnamed(rule)


def _unnamed(rule: RetentionRule) -> Iterator[str]:
    """Find columns that hold something about people which no privacy policy of ours names."""
    for column in rule.model.__table__.columns:
        is_personal = column.name in rule.personal_columns or is_never_named(column.name)
        if is_personal and kind_of(column.name, rule.kinds) is None:
            table = rule.model.__tablename__
            yield f"column {column.name} of {table} is personal, and of no kind the policy names: {_KINDS}."


def verbs(name: str, actions: Iterable[AuditAction]) -> Iterator[str]:
    """Find audit verbs that do not carry the plugin's name."""
    for action in actions:
        if not action.verb.startswith(f"{name}."):
            yield f"audit verb {action.verb} must begin with {name}."


def task_names(name: str, registered: Iterable[str]) -> Iterator[str]:
    """Find tasks whose queue name would change with their module, or clash with another plugin's."""
    for task in registered:
        if not task.startswith(f"{name}."):
            yield f"task {task} needs an explicit name that begins with {name}."


def contents(channels: Iterable[Channel]) -> Iterator[str]:
    """Find fields of contents that would be taken for what every template has beside its content."""
    for channel in channels:
        for field in channel.content_form:
            if field.name == "name":
                yield f"channel {channel.name} has a content field called name, which a template's own name is."


def forms(channels: Iterable[Channel], gateways: Iterable[PaymentGateway]) -> Iterator[str]:
    """Find fields that belong to answers nobody could give above them."""
    for channel in channels:
        yield from _belonging(f"channel {channel.name}", channel.content_form)
    for gateway in gateways:
        yield from _belonging(f"payment gateway {gateway.name}", gateway.settings)


def _belonging(owner: str, form: Form) -> Iterator[str]:
    """Find fields of one form whose `only` can never hold."""
    above: dict[str, Field] = {}
    for field in form:
        for shape in field.shapes:
            yield from _belonging(f"{owner} ({shape.title})", shape.form)
        if field.only is not None:
            name, values = field.only
            yield from (f"field {field.name} of {owner} {fault}" for fault in _only(above.get(name), name, values))
            if field.kind is Kind.SECRET:
                yield f"field {field.name} of {owner} is a secret, which nobody could type again once it was hidden."
        above[field.name] = field


def _only(other: Field | None, name: str, values: Collection[str]) -> Iterator[str]:
    if other is None or other.kind not in (Kind.CHOICE, Kind.SWITCH):
        yield f"belongs to {name}, which is no choice or switch above it."
        return
    possible = {"yes", "no"} if other.kind is Kind.SWITCH else {value for value, _ in other.choices} | {other.word()}
    if not values:
        yield f"belongs to no value of {name}, so it would never be asked."
    for value in sorted(set(values) - possible):
        yield f"belongs to the value {value!r} of {name}, which that cannot have."


def roles(brought: Iterable[Role], views: Iterable[View]) -> Iterator[str]:
    """Find roles that nobody could hold, and pages that are for roles nobody brings."""
    known = {role.name for role in CORE}
    for role in brought:
        known.add(role.name)
        if not 0 < len(role.name) <= LONGEST_ROLE or role.name == "*":
            yield f"role {role.name!r} needs a name of at most {LONGEST_ROLE} characters."
    for view in views:
        for name in sorted({name for names in view.may.values() for name in names} - known):
            yield f"page {view.label} is for the role {name!r}, which nobody brings."


def doors(opened: Iterable[Door]) -> Iterator[str]:
    """Find doors that no address leads to, and names that are given twice."""
    names = [door.name for door in opened]
    for name in names:
        if not _DOOR.fullmatch(name):
            yield f"door {name!r} needs a name of small letters, digits and hyphens."
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"there is more than one door {name}."


def background(name: str, jobs: Iterable[Job], duties: Iterable[Duty]) -> Iterator[str]:
    """Find jobs and duties that do not carry the plugin's name, or say nothing or two things to do."""
    every: list[Job | Duty] = [*jobs, *duties]
    for each in every:
        if not each.name.startswith(f"{name}.") or len(each.name) > LONGEST_JOB:
            yield f"{each.name} needs a name that begins with {name}. and has at most {LONGEST_JOB} characters."
        if (each.step is None) == (each.call is None):
            yield f"{each.name} needs a step or a call, and not both."


def prefixed(what: str, name: str, named: Iterable[Any]) -> Iterator[str]:
    """Find things whose names do not begin with the plugin's."""
    for each in named:
        if not each.name.startswith(f"{name}."):
            yield f"{what} {each.name} must begin with {name}."
