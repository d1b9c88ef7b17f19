"""The privacy policy: its versions, who accepted them, and what is kept of people."""

from .acceptance import blocks

__all__ = ["blocks"]
