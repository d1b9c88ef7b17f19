"""The source files of the plugin under the kit."""

import importlib
from collections.abc import Iterator
from pathlib import Path


def of(package: str) -> Iterator[Path]:
    """Yield the Python files of an installed package or module."""
    module = importlib.import_module(package)
    if not hasattr(module, "__path__"):
        yield Path(str(module.__file__))
    for folder in getattr(module, "__path__", ()):
        yield from sorted(Path(folder).rglob("*.py"))
