"""What comes before everything else: a new password where one is due, a second factor where a role asks for it."""

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from ...core.services.access import factors
from ...core.services.work import SYSTEM, Work
from .. import current
from . import visits

_ALWAYS = frozenset({"static", "appbuilder.static", "SignInView.logout", "LocaleView.index"})
_CHANGING = frozenset({"PasswordView.show", "PasswordView.change"})


def hold_back() -> ResponseReturnValue | None:
    """Lead somebody who must do something first to where it is done; called before every request."""
    endpoint = request.endpoint or ""
    if endpoint in _ALWAYS or endpoint in current.WITHOUT_PEOPLE or request.blueprint in current.WITHOUT_PEOPLE:
        return None
    if not current_user.is_authenticated:
        return None
    found = visits.open_session()
    if found is None:
        return None
    if found.must_change:
        return None if endpoint in _CHANGING else redirect(url_for("PasswordView.show"))
    if not found.has_factor and request.blueprint != "FactorView" and is_factor_due():
        return redirect(url_for("FactorView.show"))
    return None


def is_factor_due() -> bool:
    """Return whether a role the signed-in person holds anywhere asks for a second factor."""
    house = current.the_house()
    required = factors.required_roles(Work(current.the_session(), house.registry, house.clock, SYSTEM))
    return bool(required & held_roles())


def held_roles() -> frozenset[str]:
    """Return every role of the signed-in person: on the platform and in all their organisations."""
    return frozenset(role.name for role in current_user.roles) | frozenset(current.memberships().values())
