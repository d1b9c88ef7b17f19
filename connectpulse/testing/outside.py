"""A watch over law 4: no thread asks a store while it holds a connection to the database."""

import functools
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

from sqlalchemy import event
from sqlalchemy.pool import Pool

from connectpulse.core.storage.stores import Store

ASKING = ("writing", "reading", "has", "delete", "entries")
"""The ways to ask a store; all others go through these."""


@contextmanager
def watched() -> Iterator[list[str]]:
    """Watch inside the block; yields where a store was asked by a thread that held a connection."""
    held: dict[int, int] = {}
    found: list[str] = []

    def took(_: Any, record: Any, __: Any) -> None:
        held[id(record)] = threading.get_ident()

    def gave(_: Any, record: Any) -> None:
        held.pop(id(record), None)

    def watch(ask: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(ask)
        def asked(*given: Any, **more: Any) -> Any:
            if threading.get_ident() in held.values():
                found.append(_where())
            return ask(*given, **more)

        return asked

    event.listen(Pool, "checkout", took)
    event.listen(Pool, "checkin", gave)
    try:
        with ExitStack() as patched:
            for name in ASKING:
                patched.enter_context(patch.object(Store, name, watch(getattr(Store, name))))
            yield found
    finally:
        event.remove(Pool, "checkout", took)
        event.remove(Pool, "checkin", gave)


def _where() -> str:
    """Return the calls of ours that led to a store, the innermost last."""
    ours = [each for each in traceback.extract_stack() if "site-packages" not in each.filename]
    return " > ".join(f"{each.filename.rpartition('/')[2]}:{each.lineno} {each.name}" for each in ours[-12:-2])
