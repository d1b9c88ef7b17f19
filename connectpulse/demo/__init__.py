"""A site of its own to try everything with: real database, real SMPP, people who do not exist."""

from .run import run

__all__ = ["run"]
