"""Buying units: packages, orders, vouchers, and the gateways that are paid through."""

from .duties import AREA

__all__ = ["AREA"]
