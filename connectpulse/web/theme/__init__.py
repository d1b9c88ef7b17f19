"""How pages look: the shell, the tokens, and what templates may call."""

from decimal import Decimal
from pathlib import Path
from typing import Any

from flask import Flask, current_app, redirect, request, url_for
from flask_babel import get_locale
from flask_login import current_user

from .. import consent, current, navigation
from ..panel import dates
from ..panel.channels import channel_title, in_words
from ..panel.forms import shown
from ..panel.inbox import unread as unread_threads
from ..panel.notices import unread
from ..security.roles import APPROVE, LAUNCH, READ, REVOKE, WRITE

MOST_LISTED = 20
"""The most organisations one chooses from in a plain list; among more one searches."""

STATIC = Path(__file__).parent / "static"
RIGHT_TO_LEFT = frozenset({"ar", "fa", "he", "ur"})


def asset(name: str) -> str:
    """Return the address of a file of the theme, new whenever the file is."""
    return url_for("static", filename=name, v=_version(name))


_versions: dict[str, str] = {}


def _version(name: str) -> str:
    if name not in _versions:
        _versions[name] = f"{(STATIC / name).stat().st_mtime_ns // 1_000_000:x}"
    return _versions[name]


def direction() -> str:
    """Return how the reader's language runs."""
    return "rtl" if str(get_locale() or "en")[:2] in RIGHT_TO_LEFT else "ltr"


def number(value: Any) -> str:
    """Return a whole number with its thousands set apart."""
    return f"{int(value):,}"


def units(value: Decimal) -> str:
    """Return an amount of units without idle zeros."""
    return f"{value.normalize():,f}"


def percent(value: float) -> str:
    """Return a share; never 100 % or 0 % while it is not quite."""
    if 0 < value < 0.1:
        return "< 0.1 %"
    if 99.9 < value < 100:
        return "> 99.9 %"
    return f"{value:.1f} %".replace(".0 %", " %")


def older(**values: Any) -> str:
    """Return this page's address with some of its query changed; empty values are left out."""
    query = {**request.args.to_dict(), **values}
    kept = {name: value for name, value in query.items() if value not in (None, "")}
    return url_for(request.endpoint or "HomeView.index", **(request.view_args or {}), **kept)


def install(app: Flask) -> None:
    """Give templates their filters, functions and the state of the shell."""
    app.jinja_env.filters.update(
        moment=dates.moment, duration=dates.duration, number=number, percent=percent, units=units, shown=shown
    )
    app.jinja_env.filters["bytes"] = dates.size
    app.jinja_env.globals.update(
        get_locale=get_locale,
        asset=asset,
        direction=direction,
        with_query=older,
        may=current.may,
        channel_title=channel_title,
        in_words=in_words,
    )
    app.jinja_env.globals.update(REVOKE=REVOKE, READ=READ, WRITE=WRITE, LAUNCH=LAUNCH, APPROVE=APPROVE)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.context_processor(_shell)
    # Browsers ask for it here wherever what they show is no page: a part of one, a file.
    app.add_url_rule("/favicon.ico", "icon", lambda: redirect(asset("icon.svg")))


def _shell() -> dict[str, Any]:
    """Return what the frame around every page shows."""
    frame: dict[str, Any] = {"appbuilder": current_app.extensions["appbuilder"], "menu": [], "here": None}
    frame["rights_path"] = consent.rights_path()
    if not current_user or not current_user.is_authenticated:
        return frame | {"enterable": []}
    return frame | {
        "menu": navigation.menu(request.path),
        "is_current": navigation.is_current,
        "here": current.organisation(),
        "enterable": current.enterable(most=MOST_LISTED + 1),
        "most_listed": MOST_LISTED,
        "unread": unread,
        "counted": {"InboxView.list": unread_threads},
        "coming_policy": consent.coming,
        "roles": sorted(current.role_names()),
    }
