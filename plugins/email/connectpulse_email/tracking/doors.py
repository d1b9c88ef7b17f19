"""The doors of clicks and opens: they count, then lead on or show a picture of one pixel."""

from base64 import b64decode
from typing import Final

from connectpulse.core.api import Answer, Door, Knock, Work

from . import addresses, events
from .bots import is_program

_PIXEL: Final = b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
"""A transparent GIF of one pixel."""
_PER_MINUTE: Final = 6000
"""From one network: proxies of large mail services ask for millions of people."""


def follow(work: Work, knock: Knock) -> Answer:
    """Count a click and lead on to what was signed; raise NotFound for an address we never made."""
    found = addresses.read_click(knock.rest)
    events.count(work, events.CLICKED, found.message_id, found.link, is_bot=is_program(knock))
    return Answer(elsewhere=found.target)


def show(work: Work, knock: Knock) -> Answer:
    """Count an open and show the picture; raise NotFound for an address we never made."""
    message_id = addresses.read_open(knock.rest)
    events.count(work, events.OPENED, message_id, 0, is_bot=is_program(knock))
    return Answer(content=_PIXEL, content_type="image/gif")


DOORS: Final = (
    Door(addresses.CLICK, follow, methods=("GET", "HEAD"), per_minute=_PER_MINUTE),
    Door(addresses.OPEN, show, methods=("GET", "HEAD"), per_minute=_PER_MINUTE),
)
