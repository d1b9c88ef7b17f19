"""A plugin's doors: addresses on the open network that answer without a session, below `/hooks/<plugin>/`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..services.work import Work


@dataclass(frozen=True, slots=True)
class Knock:
    """A request at a door, as it came: verify signatures over `body`, never over a re-encoding.

    `rest` is the path behind the door's name, empty if there is none; `url` keeps its raw query string; names in
    `headers` are as they were sent; `source` is the network address it came from.
    """

    method: str
    rest: str
    url: str
    headers: Mapping[str, str]
    query: Sequence[tuple[str, str]]
    body: bytes
    source: str = ""

    def header(self, name: str) -> str:
        """Return a header whatever its case, empty if it was not sent."""
        return next((value for key, value in self.headers.items() if key.lower() == name.lower()), "")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a door says: plain text; a page for a person where `title` is given, its paragraphs in `text`; or `content`,
    a few bytes of `content_type`, which others' pages may show.

    `button` is the label of a button on the page that sends an empty POST to the same address: what changes
    something asks so first, because programs follow links. `location` leads on to another path of this site,
    `elsewhere` to an address that begins with https:// or http://: only to one the door can prove it chose itself,
    as by a signature over it, never to one that whoever knocks could have written.
    """

    status: int = 200
    text: str = "ok"
    title: str = ""
    button: str = ""
    location: str = ""
    content_type: str = "text/plain"
    elsewhere: str = ""
    content: bytes = b""


@dataclass(frozen=True, slots=True)
class Door:
    """An address of a plugin that strangers and machines may call: `/hooks/<plugin>/<name>` and what is below.

    `answer` runs in one transaction on the platform, and calls nobody over the network: what must be asked
    elsewhere is left to a job. It proves by itself who knocks. It raises Refused (answered 400) for what is not
    genuine, NotFound (404) for what is not there, and then nothing is kept. More than `largest` bytes, or than
    `per_minute` from one network, do not reach it.
    """

    name: str
    answer: "Callable[[Work, Knock], Answer]"
    methods: tuple[str, ...] = ("POST",)
    largest: int = 64 * 1024
    per_minute: int = 600
