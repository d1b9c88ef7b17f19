"""The unit ledger: what each organisation has, has set aside and has spent."""

from .duties import AREA

__all__ = ["AREA"]
