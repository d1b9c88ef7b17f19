"""The security manager: FAB's accounts, our roles, audited sign-in, and one limiter for the whole site."""

from typing import Any

from flask import Flask, request
from flask_appbuilder.security.sqla.manager import SecurityManager
from flask_appbuilder.security.sqla.models import Role
from flask_limiter import Limiter
from flask_login import LoginManager, current_user
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from ...core.registry import Registry
from ...core.services.access.devices import network_of
from .. import current
from . import visits
from .factor_views import FactorView
from .invited import InvitationView
from .new_password import NewPasswordView
from .profile import PasswordView, ProfileView
from .views import SignInView

SIGN_IN_LIMIT = "30 per minute"
"""Requests to sign in per network address; wrong ones are counted more strictly, in the database."""


def network_address() -> str:
    """Return what a limit counts by: the peer's address, or its network for IPv6."""
    return network_of(request.remote_addr or "")


class PulseSecurityManager(SecurityManager):
    """Decides by `roles`, and registers our pages instead of FAB's."""

    authdbview = SignInView
    userstatschartview = None

    def create_db(self) -> None:
        """Leave the tables to migrations."""

    def create_login_manager(self, app: Flask) -> LoginManager:
        manager = super().create_login_manager(app)
        manager.login_view = f"{SignInView.__name__}.login"
        return manager

    def create_limiter(self, app: Flask) -> Limiter:
        """Return the one limiter of the site; two of them would count every request twice."""
        limiter = Limiter(key_func=network_address, strategy="sliding-window-counter", headers_enabled=True)
        limiter.init_app(app)
        return limiter

    def register_views(self) -> None:
        """Register signing in and one's own profile; accounts are managed by our own pages."""
        self.auth_view = self.authdbview()
        self.appbuilder.add_view_no_menu(self.auth_view)
        self.appbuilder.add_view_no_menu(ProfileView)
        for view in (PasswordView, FactorView, InvitationView, NewPasswordView):
            self.appbuilder.add_view_no_menu(view)
        self.limiter.limit(SIGN_IN_LIMIT, key_func=network_address, methods=["POST"], exempt_when=_is_signing_out)(
            self.auth_view.blueprint
        )

    def load_user(self, pk: Any) -> Any:
        """Return who a request is by, if its session is open."""
        found = visits.open_session()
        if found is None or str(found.user_id) != str(pk):
            return None
        user = super().load_user(pk)
        return user if user is not None and user.is_active else None

    def has_access(self, permission_name: str, view_name: str) -> bool:
        """Return whether the person of this request may do `can_<verb>` on a page."""
        if not current_user.is_authenticated or not current_user.is_active:
            return False
        return current.may(permission_name.removeprefix("can_"), view_name)

    def add_permissions_view(self, base_permissions: Any, view_menu: str) -> None:
        """Write no permissions: roles are code."""

    def add_permissions_menu(self, view_menu_name: str) -> None:
        """Write no permissions: the menu asks the same question as the page."""


def _is_signing_out() -> bool:
    return bool(request.endpoint and request.endpoint.endswith(".logout"))


def synchronise_roles(session: Any, registry: Registry) -> None:
    """Make sure that a row exists for every role of core and of plugins, so that accounts can hold them."""
    known = set(session.scalars(select(Role.name)))
    for name in registry.roles:
        if name not in known:
            session.execute(insert(Role).values(name=name).on_conflict_do_nothing())
