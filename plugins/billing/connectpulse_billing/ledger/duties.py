"""What this area owes: an end for every row, an answer for every person, a sentence for every act."""

from ..area import Area

AREA = Area()
