"""What one request works with: its database session, its person, its organisation, its unit of work."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import structlog
from flask import Flask, current_app, g, request, session
from flask_login import current_user
from sqlalchemy import func, select
from sqlalchemy.orm import scoped_session

from ..core.errors import Refused
from ..core.services.action_log import denials
from ..core.services.work import Actor, Work
from ..core.storage import guard
from ..core.storage.models import Membership, Organisation
from ..core.storage.session import PulseSession, lost_if_only_reading
from ..house import House
from .security.roles import Rights, allows, rights

ORGANISATION_KEY = "organisation"
WITHOUT_PEOPLE = frozenset(
    {"static", "appbuilder.static", "callbacks", "health", "api", "icon", "hooks", "plugin_files"}
)
"""Endpoints and blueprints that serve no signed-in person, and so ask the database for none."""


def install(app: Flask, house: House) -> "scoped_session[PulseSession]":
    """Give every application context a session of its own; return the registry FAB works with."""
    sessions = scoped_session(house.sessions, scopefunc=_context_id)
    app.extensions["pulse_house"] = house
    app.extensions["pulse_sessions"] = sessions
    app.extensions["pulse_rights"] = rights(house.registry)

    @app.teardown_appcontext
    def end_session(error: BaseException | None) -> None:
        sessions.remove()

    return sessions


def _context_id() -> int:
    from flask.globals import app_ctx  # resolved per call: the proxy's target is the scope

    return id(app_ctx._get_current_object())  # type: ignore[attr-defined]  # noqa: SLF001


def the_house() -> House:
    """Return the house this application serves."""
    house: House = current_app.extensions["pulse_house"]
    return house


def the_rights() -> Rights:
    """Return what each role may do on this site."""
    given: Rights = current_app.extensions["pulse_rights"]
    return given


def platform_roles() -> frozenset[str]:
    """Return the roles the signed-in person holds on the platform."""
    held = the_house().registry.roles_held(on_platform=True)
    return frozenset(role.name for role in current_user.roles if role.name in held)


def the_session() -> PulseSession:
    """Return this request's session."""
    sessions: scoped_session[PulseSession] = current_app.extensions["pulse_sessions"]
    return sessions()


def let_go() -> None:
    """Give this request's connection back, before something is asked that is no database; what was read stays."""
    the_session().commit()


def actor() -> Actor:
    """Return who makes this request."""
    if current_user.is_authenticated:
        return Actor("user", current_user.get_full_name(), current_user.id, request.remote_addr or "", request_id())
    return visitor()


def visitor() -> Actor:
    """Return whoever makes this request as somebody we do not know."""
    return Actor("visitor", "A visitor", None, request.remote_addr or "", request_id())


def request_id() -> str:
    """Return the name of this request, which is in its action log, its logs and its answer."""
    if "request_id" not in g:
        g.request_id = secrets.token_hex(8)
    name: str = g.request_id
    return name


def name_request() -> None:
    """Let every line that is logged from here on carry the request's name; called before every request."""
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=request_id())


@contextmanager
def work() -> Iterator[Work]:
    """Open this request's unit of work: committed at the end of the block, rolled back if it raises."""
    house, database = the_house(), the_session()
    made = Work(database, house.registry, house.clock, actor(), organisation_id())
    try:
        with lost_if_only_reading(database):
            yield made
            database.commit()
    except BaseException as error:
        database.rollback()
        if isinstance(error, Refused):
            _note_refusal(error, made.actor)
        raise
    house.wake(made)


def reading() -> Work:
    """Return a work for a page that only looks something up on its way; nothing it writes is committed."""
    house = the_house()
    return Work(the_session(), house.registry, house.clock, actor(), organisation_id())


def _note_refusal(refusal: Refused, who: Actor) -> None:
    """Write down that an act was refused: where, and which fields were at fault; not what was typed."""
    denials.note(
        the_house().work, who, organisation_id(), "act.refused", *asked_object(),
        page=request.endpoint or "", fields=", ".join(sorted(refusal.fields)),
    )  # fmt: skip


def asked_object() -> tuple[str, str]:
    """Return the kind and the id of what this request is about, as far as its address says."""
    id = (request.view_args or {}).get("pk", "")
    kind = (request.endpoint or "").partition(".")[0].removesuffix("View") if id else ""
    return kind, str(id)[:60]


@contextmanager
def platform_work(reason: str) -> Iterator[Work]:
    """Open a unit of work across organisations, for pages of the platform's operator."""
    with work() as made, guard.platform_scope(made.session, reason):
        made.organisation = None
        yield made


def later_work(across: str = "") -> Callable[[], AbstractContextManager[Work]]:
    """Return how to open units of work like this request's once its answer has begun, each with its own session.

    `across` is why they reach every organisation, for pages of the platform's operator.
    """
    house, who, here = the_house(), actor(), None if across else organisation_id()

    @contextmanager
    def opened() -> Iterator[Work]:
        with house.work(who, here) as made:
            if not across:
                yield made
                return
            with guard.platform_scope(made.session, across):
                yield made

    return opened


def bind_organisation() -> None:
    """Bind the request's session to the organisation its person is in; called before every request."""
    if request.endpoint in WITHOUT_PEOPLE or request.blueprint in WITHOUT_PEOPLE:
        return
    database = the_session()
    guard.bind(database, None)
    if not current_user.is_authenticated:
        return
    mine = memberships()
    chosen = session.get(ORGANISATION_KEY)
    if chosen not in mine and not (may_enter_any() and _exists(chosen)):
        chosen = next(iter(mine), None) or (_first() if may_enter_any() else None)
    g.organisation_id = chosen
    guard.bind(database, chosen)


def public_url() -> str:
    """Return the URL of this request as others know it, with its query string as it came: signatures cover both."""
    query = request.query_string.decode("latin-1")
    url = the_house().settings.public_url.rstrip("/") + request.path
    return f"{url}?{query}" if query else url


def organisation_id() -> int | None:
    """Return the organisation this request is in."""
    chosen: int | None = g.get("organisation_id")
    return chosen


def organisation() -> Organisation | None:
    """Return the organisation this request is in, as a row."""
    if "organisation_row" not in g:
        chosen = organisation_id()
        g.organisation_row = the_session().get(Organisation, chosen) if chosen is not None else None
    row: Organisation | None = g.organisation_row
    return row


def memberships() -> dict[int, str]:
    """Return the signed-in person's roles by organisation."""
    if "memberships" not in g:
        database = the_session()
        with guard.platform_scope(database, "find one's own memberships"):
            rows = database.execute(
                select(Membership.organisation_id, Membership.role)
                .where(Membership.user_id == current_user.id)
                .order_by(Membership.id)
            )
            g.memberships = {row[0]: row[1] for row in rows}
    found: dict[int, str] = g.memberships
    return found


def role_names() -> frozenset[str]:
    """Return the roles the signed-in person has here: on the platform, and in the organisation they are in."""
    if "role_names" not in g:
        here = memberships().get(organisation_id() or 0)
        g.role_names = platform_roles() | ({here} if here else set())
    found: frozenset[str] = g.role_names
    return found


def may(verb: str, page: str) -> bool:
    """Return whether the signed-in person may do `verb` on `page`."""
    return allows(role_names(), verb, page, the_rights())


def may_enter_any() -> bool:
    """Return whether the signed-in person may look into every organisation."""
    return bool(platform_roles())


def may_enter(chosen: int) -> bool:
    """Return whether the signed-in person may switch to an organisation."""
    return chosen in memberships() or (may_enter_any() and _exists(chosen))


def enterable(words: str = "", most: int = 40) -> list[tuple[int, str]]:
    """Return the first `most` organisations the signed-in person may switch to whose names begin with `words`.

    The index of names by code point answers it, whatever the collation of the database, and reads no more rows.
    """
    name = func.lower(Organisation.name).collate("C")
    statement = select(Organisation.id, Organisation.name).order_by(name, Organisation.id).limit(most)
    if words:
        begin = func.lower(words)
        statement = statement.where(name >= begin, name < begin.concat(_LAST))
    if not may_enter_any():
        statement = statement.where(Organisation.id.in_(memberships()))
    return [(row[0], row[1]) for row in the_session().execute(statement)]


_LAST = chr(0x10FFFF)
"""Comes after whatever a name goes on with."""


def _first() -> int | None:
    return the_session().scalar(select(Organisation.id).order_by(Organisation.id).limit(1))


def _exists(chosen: Any) -> bool:
    return isinstance(chosen, int) and the_session().get(Organisation, chosen) is not None
