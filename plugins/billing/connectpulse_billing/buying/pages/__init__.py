"""The pages of buying."""

from collections.abc import Sequence

from connectpulse.core.api import View


def views() -> Sequence[View]:
    """Return the pages with their places in the menu."""
    return ()
