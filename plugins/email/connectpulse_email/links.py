"""What a link in a letter may be: somewhere on the web, an address to write to or a number to call."""

import re
from typing import Final
from urllib.parse import urlsplit

from .slots import STOP_LINK, Marks

_ODD: Final = re.compile(r"[\s\\\x00-\x20\x7f]")
_HOST: Final = re.compile(r"[\w.\-]+(:\d{1,5})?|\[[0-9A-Fa-f:.]+\](:\d{1,5})?")
SCHEMES: Final = frozenset({"http", "https", "mailto", "tel"})


def link_fault(link: str, marks: Marks, *, is_shown: bool = False) -> str | None:
    """Return what is wrong with a link, None if nothing; `is_shown` links are pictures.

    A placeholder may stand behind the host, never in it, and never decide the scheme. The link that stops messages
    may be a whole link.
    """
    slots = marks.find(link)
    if [slot.name for slot in slots] == [STOP_LINK] and marks.pattern.fullmatch(link) and not is_shown:
        return None
    shown = marks.pattern.sub("…", link)[:60]
    if any(slot.name == STOP_LINK for slot in slots):
        return f"Link {shown!r}: {{{{ {STOP_LINK} }}}} must be the whole link."
    if not is_shown and link.startswith("#") and not slots:
        return None
    return _fault(link, shown, marks, is_shown=is_shown)


def _fault(link: str, shown: str, marks: Marks, *, is_shown: bool) -> str | None:
    if _ODD.search(link):
        return f"Link {shown!r}: it contains a space or a sign that links cannot have."
    try:
        parts = urlsplit(link)
    except ValueError:
        return f"Link {shown!r}: it is not a link."
    if parts.scheme not in (SCHEMES - {"mailto", "tel"} if is_shown else SCHEMES):
        return f"Link {shown!r}: it must begin with https://" + ("." if is_shown else ", http://, mailto: or tel:.")
    fixed = parts.netloc if parts.scheme.startswith("http") else parts.path
    if marks.find(fixed):
        return f"Link {shown!r}: a placeholder may not decide where it leads, only what follows the host."
    if parts.scheme.startswith("http") and not _HOST.fullmatch(parts.netloc):
        return f"Link {shown!r}: it names no host, or a user."
    return None
