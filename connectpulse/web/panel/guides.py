"""The guides: the documentation of this version, read within the panel."""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, NamedTuple

from flask import abort, url_for
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access, permission_name
from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

from ..security.roles import READ

_PACKAGE: Final = Path(__file__).parents[2]
_PLACES: Final = (_PACKAGE.parent / "docs", _PACKAGE / "guides")
"""Where the guides lie in a checkout, and where a distribution has them."""

SHELVES: Final[Mapping[str, Sequence[str]]] = {
    "Begin": ("quickstart", "glossary"),
    "Send and answer": (
        "sending", "inbox", "email", "email-providers", "whatsapp", "voice", "voice-prompts", "twilio-and-vonage",
    ),
    "Units and money": ("prices", "units", "buying", "subscriptions", "invoices"),
    "Privacy and records": ("rights", "policy", "retention", "audit"),
    "Run the site": ("access", "operations", "backups", "settings", "commands", "security", "asvs"),
    "Programs and plugins": ("api", "architecture", "plugin-tutorial", "plugin-checklist", "hooks"),
}  # fmt: skip
NAMES: Final = tuple(name for names in SHELVES.values() for name in names)
_MARKDOWN: Final = MarkdownIt("js-default", {"html": False})
_OUTSIDE: Final = ("https://", "http://")


class Guide(NamedTuple):
    """One page: its name in addresses, and its title."""

    name: str
    title: str


def shelves() -> list[tuple[str, list[Guide]]]:
    """Return the guides there are, by what they are about; none where a distribution came without them."""
    found = [
        (heading, [Guide(name, _title(name)) for name in names if _text(name)]) for heading, names in SHELVES.items()
    ]
    return [(heading, guides) for heading, guides in found if guides]


@cache
def _text(name: str) -> str:
    place = next((folder / f"{name}.md" for folder in _PLACES if (folder / f"{name}.md").is_file()), None)
    return place.read_text("utf-8") if place is not None else ""


def _title(name: str) -> str:
    return _text(name).partition("\n")[0].removeprefix("# ")


def body(name: str) -> Markup:
    """Return a guide below its title as HTML: headings can be linked to, links lead to guides or outside."""
    tokens = _MARKDOWN.parse(_text(name).partition("\n")[2])
    for token, following in pairwise(tokens):
        if token.type == "heading_open":
            token.attrSet("id", _slug(following.content))
    for token in tokens:
        _lead(token.children or [])
    return Markup(_MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {}))  # noqa: S704 - our own text, without HTML


def _slug(heading: str) -> str:
    """Return the anchor of a heading, as the forges make it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _lead(tokens: Sequence[Token]) -> None:
    """Turn links between guides into links within the panel; what is not here stays as words."""
    is_open = True
    for token in tokens:
        if token.type == "link_open":
            address = _address(str(token.attrGet("href")))
            is_open = bool(address)
            token.attrSet("href", address)
        if token.type in ("link_open", "link_close") and not is_open:
            token.tag, token.attrs = "span", {}


def _address(href: str) -> str:
    place, _, anchor = href.partition("#")
    if href.startswith(_OUTSIDE) or not place:
        return href
    name = place.removesuffix(".md")
    return url_for("GuideView.show", guide=name, _anchor=anchor or None) if name in NAMES else ""


class GuideView(BaseView):
    """Reading a guide."""

    route_base = "/guides"
    class_permission_name = "Help"
    default_view = "show"

    @expose("/<guide>", methods=["GET"])
    @has_access
    @permission_name(READ)
    def show(self, guide: str) -> Any:
        """Show one guide, and beside it the others on its shelf."""
        if guide not in NAMES or not _text(guide):
            abort(404)
        shelf = next((heading, guides) for heading, guides in shelves() if any(each.name == guide for each in guides))
        return self.render_template("pulse/guide.html", title=_title(guide), body=body(guide), name=guide, shelf=shelf)
