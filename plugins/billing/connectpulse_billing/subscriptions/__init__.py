"""Plans and subscriptions: fees, included units and limits."""

from .duties import AREA

__all__ = ["AREA"]
