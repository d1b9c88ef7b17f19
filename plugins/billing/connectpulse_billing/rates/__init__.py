"""Rate cards: what a message costs, by channel, destination and kind."""

from .duties import AREA

__all__ = ["AREA"]
