"""The gate of the policy: whoever goes on accepts what holds; whoever must agree first can do little else.

Blocked people can read the policy, accept it, get and claim what is theirs, write to the operator, and sign out.
"""

from flask import current_app, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from ..core.services.policy import acceptance
from ..core.storage.models import PolicyVersion
from . import current

_PUBLIC = ("PrivacyView", "AskView", "LocaleView", "privacy_requests", "mail_choices")
_PROVING = ("SignInView", "PasswordView", "FactorView")
OPEN = frozenset({"ConsentView", *_PUBLIC, *_PROVING})
"""Pages and blueprints that a blocked person may use; those that prove who they are come first."""


def check() -> ResponseReturnValue | None:
    """Note that the person of this request goes on, or send them to the policy; called before every request."""
    if request.endpoint in current.WITHOUT_PEOPLE or request.blueprint in current.WITHOUT_PEOPLE:
        return None
    if not current_user or not current_user.is_authenticated or _is_open():
        return None
    with current.work() as work:
        found = acceptance.go_on(work)
    if not found.is_blocked:
        return None
    if request.headers.get("HX-Request") or request.accept_mimetypes.best == "application/json":
        return "Read and accept the privacy policy first.", 403
    return redirect(url_for("ConsentView.show"), 303)


def rights_path() -> str:
    """Return where people ask for what is theirs; empty where no page for that is served."""
    return "/privacy/request" if "privacy_requests" in current_app.blueprints else ""


def _is_open() -> bool:
    return (request.endpoint or "").partition(".")[0] in OPEN


def coming() -> PolicyVersion | None:
    """Return the version the signed-in person should accept before it holds, for the banner of the shell."""
    if not current_user.is_authenticated or _is_open():
        return None
    return acceptance.coming(current.reading(), current_user.id)
