"""Installed plugins as tests load them: each is examined once a run, since what it declares never differs."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib.metadata import EntryPoint
from unittest.mock import patch

from connectpulse.core import loader
from connectpulse.core.loader import Candidate


@contextmanager
def examined_once() -> Iterator[None]:
    """Keep inside the block what installed plugins declared, for the next house; those a test makes up are looked at.

    Houses of one run share a plugin's objects, as they share its modules: neither holds anything of a house.
    """
    examine, seen = loader.examine, dict[tuple[str, str], Candidate]()

    def once(entry_point: EntryPoint) -> Candidate:
        if entry_point.dist is None:
            return examine(entry_point)
        key = entry_point.name, entry_point.value
        if key not in seen:
            seen[key] = examine(entry_point)
            return seen[key]
        return replace(seen[key], results=dict(seen[key].results), mappers=set())  # mapped before, and not by it

    with patch.object(loader, "examine", once):
        yield
