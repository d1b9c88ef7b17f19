"""A mail server for trials: takes every letter, keeps its own record, and bounces what it is told to."""

from .options import Options
from .server import Sink

__all__ = ["Options", "Sink"]
