"""The page about the API lists every route there is, as the application and the document have them, and no other."""

import re

import pytest
from flask import Flask

from connectpulse.app import create_app
from connectpulse.core.domain.scopes import ANY_KEY, NO_KEY, SCOPES
from connectpulse.house import House
from connectpulse.web.api.v1 import document, routing
from tests.house import code

PAGE = code.ROOT / "docs" / "api.md"
PREFIX = "/api/v1"
_ROW = re.compile(r"^\| `(GET|POST|PUT|PATCH|DELETE) (/\S*)` \| (.+?) \| (.+?) \|$", re.M)
_WORDS = {NO_KEY: "none, not even a key", ANY_KEY: "any key"}


@pytest.fixture
def app(house: House) -> Flask:
    return create_app(house)


def _written() -> dict[tuple[str, str], tuple[str, str]]:
    rows = _ROW.findall(PAGE.read_text())
    assert len(rows) == len({(method, address) for method, address, *_ in rows}), "a route is listed twice"
    return {(method, address): (scope, title) for method, address, scope, title in rows}


def _plain(rule: str) -> str:
    return re.sub(r"<(?:[^:>]+:)?(\w+)>", r"{\1}", rule)


def _declared() -> dict[tuple[str, str], tuple[str, str]]:
    return {
        (each.method, _plain(each.rule)): (_WORDS.get(each.scope, f"`{each.scope}`"), each.title)
        for each in routing.ROUTES.values()
    }


def test_every_route_is_on_the_page_with_its_scope_and_what_it_does() -> None:
    assert _written() == _declared(), "Write the table anew:\n" + "\n".join(
        f"| `{method} {address}` | {scope} | {title} |" for (method, address), (scope, title) in _declared().items()
    )


def test_the_application_answers_at_these_addresses_and_no_others(app: Flask) -> None:
    served = {
        (method, _plain(rule.rule.removeprefix(PREFIX)))
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith(f"{PREFIX}/")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert served == set(_written())


def test_the_document_has_them_all() -> None:
    paths = document.whole()["paths"]
    told = {(method.upper(), address.removeprefix(PREFIX)) for address, ways in paths.items() for method in ways}
    assert told == set(_written())


def test_every_scope_is_on_the_page_with_what_it_allows() -> None:
    told = re.findall(r"^\| `([a-z:-]+)` \| (.+?) \|$", PAGE.read_text(), re.M)
    assert [scope for scope, _ in told] == list(SCOPES)
