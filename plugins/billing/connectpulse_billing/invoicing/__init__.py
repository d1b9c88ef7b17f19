"""Invoices, credit notes and statements."""

from .duties import AREA

__all__ = ["AREA"]
