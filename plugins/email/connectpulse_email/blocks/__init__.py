"""Letters written in blocks, without HTML: what blocks there are, and the HTML they become."""

from .build import html
from .shapes import SHAPES

__all__ = ["SHAPES", "html"]
