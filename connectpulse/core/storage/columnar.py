"""Columns in files and SQL over them: pyarrow and DuckDB, imported when they are first used.

They take 90 MB and a fifth of the start of every process, and most processes never look into an archive.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__all__ = ("Columns", "Engine", "Shape", "duckdb", "pa", "pc", "pq")

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    Columns = pa.Table
    Shape = pa.Schema
    Engine = duckdb.DuckDBPyConnection
else:
    Columns = Shape = Engine = Any

    class _Later:
        """A module that is imported when something in it is asked for."""

        def __init__(self, name: str) -> None:
            self._name = name

        def __getattr__(self, name: str) -> Any:
            return getattr(import_module(self._name), name)

    duckdb, pa, pc, pq = map(_Later, ("duckdb", "pyarrow", "pyarrow.compute", "pyarrow.parquet"))
