"""What units went for: facts by day and destination, kept as messages end, and the page that draws them."""

from .duties import AREA

__all__ = ["AREA"]
