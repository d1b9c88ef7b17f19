"""Links of a letter put in slots, so that each recipient's lead over this site first."""

import re
from html import escape, unescape
from typing import Final

from ..slots import Marks, Mould, Slot, in_link, markup

_LINK: Final = re.compile(r'(<a(?:\s+[\w-]+(?:="[^"]*")?)*?\s+href=")(https?://[^"]*)("[^>]*>)(.*?)(?=</a>)', re.DOTALL)
"""A link as HTML is written canonically: attributes in double quotes, `<` only before tags."""
_TAG: Final = re.compile(r"<[^>]*>")
_SHOWN: Final = re.compile(r"\s*(https?://|www\.)", re.IGNORECASE)


def name(number: int) -> str:
    """Return the name of the slot of a link; no field of a contact has a space in its name."""
    return f"link {number}"


OPEN_SLOT: Final = "picture of an open"


def numbered(inside: str, marks: Marks) -> tuple[str, tuple[Mould, ...]]:
    """Return clean HTML with a slot in place of each link to the web, and where these lead, the first being number 1.

    A link whose text is an address stays as it is: filters take one that leads elsewhere than it says for a fraud.
    """
    targets: list[Mould] = []

    def put(found: re.Match[str]) -> str:
        before, target, between, shown = found.groups()
        if _SHOWN.match(_TAG.sub("", shown)):
            return found[0]
        targets.append(marks.mould(unescape(target), usual=in_link))
        return f"{before}{marks.mark(Slot(name(len(targets)), '', markup))}{between}{shown}"

    return _LINK.sub(put, inside), tuple(targets)


def picture(address: str) -> str:
    """Return the picture that counts an open; nothing where there is no address."""
    if not address:
        return ""
    return f'<img src="{escape(address)}" width="1" height="1" alt="" style="border:0;width:1px;height:1px">'
