"""Statements that tests execute: what SQLAlchemy makes of each is made once a run, not once a house.

A site's engine lives as long as its process and so does what it compiled; each test has an engine of its own.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from sqlalchemy import Engine
from sqlalchemy.util import LRUCache

from connectpulse import house
from connectpulse.core.storage.session import make_engine

MOST = 10_000
"""Statements that are kept: all of a run."""


@contextmanager
def compiled_once(url: str) -> Iterator[None]:
    """Let the houses that are built inside the block share what was compiled; `url` is a database of their server."""
    first = make_engine(url, 1)
    first.connect().close()  # a dialect learns of its server by the first connection
    first.dispose()
    compiled: LRUCache[Any, Any] = LRUCache(MOST)

    def make(*given: Any, **more: Any) -> Engine:
        made = make_engine(*given, **more)
        made.dialect, made._compiled_cache = first.dialect, compiled  # noqa: SLF001 - statements are kept by dialect
        return made

    with patch.object(house, "make_engine", make):
        yield
