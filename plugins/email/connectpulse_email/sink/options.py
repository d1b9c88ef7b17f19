"""What the sink can be asked to do besides what single addresses ask for."""

from dataclasses import dataclass
from zlib import crc32

from ..fates import GOOD, Fate, fate


@dataclass(frozen=True, slots=True)
class Options:
    """Shares are percent of all addresses; an address's fate depends on `seed` and itself alone.

    `refused` are turned away at once, letters to `undeliverable` ones are taken and come back later. Reports go to
    the mail server at `report_host` and `report_port`, `report_delay` seconds later; without a port none are made.
    """

    seed: int = 0
    refused: int = 0
    undeliverable: int = 0
    report_host: str = "127.0.0.1"
    report_port: int = 0
    report_delay: float = 0
    kept: int = 1_000
    """Letters that are kept whole, the latest."""

    def __post_init__(self) -> None:
        if self.refused + self.undeliverable > 100:
            raise ValueError("The shares of letters that do not arrive add up to more than 100 percent.")

    def fate(self, address: str) -> Fate:
        """Return what becomes of letters to an address: as its digits ask, else as its share."""
        asked = fate(address)
        if asked is not GOOD or not (self.refused or self.undeliverable):
            return asked
        share = crc32(f"{self.seed} {address}".encode()) % 100
        if share < self.refused:
            return Fate(reply="550 5.1.1 There is nobody of this name")
        return Fate(bounce="5.1.1") if share < self.refused + self.undeliverable else GOOD
