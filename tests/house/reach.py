"""Which functions a function may call, as far as its source says; enough to see whether it writes to the action log.

Names are looked up where Python would: in the function, in its module, in the class it is a method of. What is
called through a value, like a hook, is not followed, but for tables of functions at the top of a module.
"""

import ast
import functools
import importlib
import inspect
import textwrap
from collections.abc import Iterator
from types import FunctionType, MethodType, ModuleType
from typing import Any

from connectpulse.core.services import audit
from connectpulse.core.services.action_log import denials

WRITERS = {audit.record, audit.record_named}
OF_REFUSALS = {denials.note}
"""What writes down that nothing was done says nothing about whether doing it is written down."""


def writes(function: Any, owner: type[Any] | None = None) -> bool:
    """Return whether `function`, a method of `owner` if given, can reach a writer of the action log."""
    seen: set[tuple[Any, Any]] = set()
    left = [(plain(function), owner)]
    while left:
        current = left.pop()
        if current in seen:
            continue
        seen.add(current)
        if current[0] in WRITERS:
            return True
        if (
            current[0] not in OF_REFUSALS
            and isinstance(current[0], FunctionType)
            and current[0].__module__.startswith(("connectpulse", "tests"))
        ):
            left += _called(*current)
    return False


def plain(function: Any) -> Any:
    """Return the function under decorators, bindings and partial arguments."""
    while isinstance(function, functools.partial):
        function = function.func
    return inspect.unwrap(getattr(function, "__func__", function))


def _called(function: FunctionType, owner: type[Any] | None) -> Iterator[tuple[Any, type[Any] | None]]:
    """Yield everything a function names that can be called; a method's `self` is looked up in `owner`."""
    names = dict(function.__globals__) | dict(inspect.getclosurevars(function).nonlocals)
    tree = _tree(function)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            names |= dict(_imported(node, function))
    for node in ast.walk(tree):
        if isinstance(node, ast.Name | ast.Attribute):
            found, its_owner = _above(node, function, owner) or _lookup(node, names, owner)
            for each in _functions(found):
                yield plain(each), its_owner


def _functions(found: Any) -> Iterator[Any]:
    """Yield `found` if it can be called as a function, or the functions of a table."""
    if isinstance(found, FunctionType | MethodType | functools.partial):
        yield found
    elif isinstance(found, dict | tuple | list):
        for each in found.values() if isinstance(found, dict) else found:
            yield from _functions(each)


@functools.cache
def _tree(function: FunctionType) -> ast.AST:
    try:
        return ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, SyntaxError, IndentationError):
        return ast.Module([], [])


def _imported(node: ast.ImportFrom, function: FunctionType) -> Iterator[tuple[str, Any]]:
    package = function.__globals__.get("__package__") or ""
    name = "." * node.level + (node.module or "")
    try:
        module = (
            importlib.import_module(name, package) if node.module else importlib.import_module(name or ".", package)
        )
    except ImportError:
        return
    for each in node.names:
        found = getattr(module, each.name, None)
        if found is None:
            try:
                found = importlib.import_module(f"{module.__name__}.{each.name}")
            except ImportError:
                continue
        yield each.asname or each.name, found


def _above(node: ast.expr, function: Any, owner: type[Any] | None) -> tuple[Any, type[Any] | None] | None:
    """Return what `super().name` means in a method of `owner`; None if this is something else."""
    if not (isinstance(node, ast.Attribute) and owner is not None and ast.unparse(node.value) == "super()"):
        return None
    held = [vars(each)[node.attr] for each in owner.__mro__ if node.attr in vars(each)]
    plainly = [plain(each) for each in held]
    return (plainly[plainly.index(function) + 1] if function in plainly[:-1] else None), owner


def _lookup(node: ast.expr, names: dict[str, Any], owner: type[Any] | None) -> tuple[Any, type[Any] | None]:
    if isinstance(node, ast.Name):
        return names.get(node.id), None
    if isinstance(node, ast.Attribute):
        if isinstance(node.value, ast.Name) and node.value.id in ("self", "cls") and owner is not None:
            return getattr(owner, node.attr, None), owner
        base, _ = _lookup(node.value, names, owner)
        if isinstance(base, ModuleType | type):
            return getattr(base, node.attr, None), base if isinstance(base, type) else None
    return None, None
