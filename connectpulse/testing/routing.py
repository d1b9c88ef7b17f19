"""The routes of applications that tests make: what werkzeug writes for each is written once a run.

It writes two small programs per route that build its address. They depend on nothing but the route, and writing them
takes most of the making of an application.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from werkzeug.routing import Rule


@contextmanager
def written_once() -> Iterator[None]:
    """Keep inside the block what was written for a route, for the same route of the next application."""
    write = Rule._compile_builder  # noqa: SLF001 - it has no public name, here and below
    written: dict[Any, Callable[..., tuple[str, str]]] = {}

    def once(rule: Rule, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        key = rule.rule, append_unknown, tuple(rule._trace), repr(rule.defaults)  # noqa: SLF001
        if key not in written:
            written[key] = write(rule, append_unknown)
        return written[key]

    with patch.object(Rule, "_compile_builder", once):
        yield
