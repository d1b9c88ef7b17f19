"""The web application: joins Flask, Flask-AppBuilder, the panel and the plugins' pages once."""

from datetime import timedelta
from pathlib import Path

from flask import Flask
from flask_appbuilder import AppBuilder
from flask_wtf import CSRFProtect
from werkzeug.middleware.proxy_fix import ProxyFix

from .core.domain.settings import Settings
from .core.services.access.sessions import ABSOLUTE
from .house import House
from .web import (
    callbacks,
    consent,
    current,
    doors,
    errors,
    headers,
    health,
    leaving,
    navigation,
    origin,
    payment_cards,
    privacy,
    repairs,
    request_log,
    theme,
    witness,
)
from .web.api import v1
from .web.panel.access import AccessRuleView, SignInLogView
from .web.panel.accounts import AccountView
from .web.panel.agreements import AgreementView
from .web.panel.api import ApiKeyView, ApiRequestView
from .web.panel.audience import ContactConsentView, ContactListView, ContactView, CustomFieldView, SuppressionView
from .web.panel.audit import AuditView
from .web.panel.backups import BackupView
from .web.panel.campaigns import CampaignView
from .web.panel.canned import CannedAnswerView
from .web.panel.connections import ConnectionView, RouteView
from .web.panel.content import SenderView, TemplateView
from .web.panel.decisions import DecisionView
from .web.panel.files import FileView
from .web.panel.guides import GuideView
from .web.panel.holds import HoldView
from .web.panel.home import HomeView
from .web.panel.imports import ImportView
from .web.panel.inbox import InboxView
from .web.panel.messages import InboundView, MessageView, StrayView
from .web.panel.notices import AnnouncementView, NoticesView
from .web.panel.organisations import MemberView, OrganisationView, SettingsView
from .web.panel.policy import OperatorView, PolicyView
from .web.panel.privacy import ConsentView, PrivacyView
from .web.panel.reports import ReportView
from .web.panel.requests import RequestView
from .web.panel.retention import ArchiveView, RetentionRuleView, RetentionView
from .web.panel.support import AskView, HelpView, SupportView
from .web.panel.system import SystemView
from .web.security import gate
from .web.security.manager import PulseSecurityManager, network_address

VIEWS = (
    AccessRuleView, AccountView, SignInLogView,
    AuditView, CampaignView, ConnectionView, ContactListView, ContactView, CustomFieldView, ImportView, InboundView,
    MemberView, MessageView, OrganisationView, RouteView, SenderView, SettingsView, SuppressionView, SystemView,
    TemplateView, FileView, ReportView, StrayView, ContactConsentView,
    ApiKeyView, ApiRequestView,
    AgreementView, AnnouncementView, AskView, ConsentView, GuideView, HelpView, NoticesView, OperatorView, PolicyView,
    PrivacyView, SupportView,
    DecisionView, RequestView,
    RetentionView, RetentionRuleView, HoldView, ArchiveView,
    BackupView,
    CannedAnswerView, InboxView,
)  # fmt: skip

ASK_LIMIT = "10 per hour"
"""What a network address may send by the public contact form."""

_THEME = Path(__file__).parent / "web" / "theme"


def create_app(house: House) -> Flask:
    """Return the application that serves `house`; call it once per process.

    The database must be at the version of the code (`House.require_database`).
    """
    app = Flask(
        "connectpulse.web",
        root_path=str(_THEME.parent),
        template_folder=str(_THEME / "templates"),
        static_folder=str(_THEME / "static"),
        static_url_path="/assets",
    )
    app.config.update(configuration(house.settings))
    app.wsgi_app = ProxyFix(app.wsgi_app, *[house.settings.trusted_proxies] * 4)  # type: ignore[method-assign]
    sessions = current.install(app, house)
    app.before_request(current.name_request)
    origin.install(app)
    csrf = CSRFProtect(app)
    csrf.exempt(callbacks.blueprint)
    app.register_blueprint(callbacks.blueprint)
    assert doors.blueprint.name in current.WITHOUT_PEOPLE
    csrf.exempt(doors.blueprint)
    app.register_blueprint(doors.blueprint)
    # Safe only as long as no cookie counts there: what a browser sends by itself must open nothing.
    assert v1.blueprint.name in current.WITHOUT_PEOPLE
    csrf.exempt(v1.blueprint)
    app.register_blueprint(v1.blueprint)
    app.register_blueprint(health.blueprint)
    app.register_blueprint(privacy.blueprint)
    app.register_blueprint(leaving.blueprint)
    csrf.exempt(leaving.blueprint)
    headers.install(app)
    request_log.install(app, house)
    witness.install(app)
    errors.install(app)
    theme.install(app)
    payment_cards.install(app)
    app.before_request(current.bind_organisation)
    app.before_request(gate.hold_back)
    app.before_request(consent.check)
    repairs.install()
    with app.app_context():
        builder = AppBuilder(app, sessions, indexview=HomeView, security_manager_class=PulseSecurityManager)
        privacy.limit(builder.sm.limiter)
        leaving.limit(builder.sm.limiter)
        for view in VIEWS:
            made = builder.add_view_no_menu(view)
            if view is AskView:
                builder.sm.limiter.limit(ASK_LIMIT, key_func=network_address, methods=["POST"])(made.blueprint)
        navigation.add_files(app, house.registry)
        navigation.add_plugins(builder, house.registry.views)
    return app


def configuration(settings: Settings) -> dict[str, object]:
    """Return the configuration of Flask and its extensions that these settings mean."""
    is_https = settings.public_url.startswith("https://")
    return {
        "SECRET_KEY": settings.secret_key,
        "SESSION_COOKIE_NAME": "__Host-pulse" if is_https else "pulse",
        "SESSION_COOKIE_SECURE": is_https,
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "PERMANENT_SESSION_LIFETIME": ABSOLUTE,
        "MAX_CONTENT_LENGTH": settings.upload_limit_mb * 1024 * 1024,
        "SEND_FILE_MAX_AGE_DEFAULT": timedelta(days=30),
        "WTF_CSRF_TIME_LIMIT": None,  # as long as the session, so that a form left open overnight can be saved
        "RATELIMIT_ENABLED": True,
        "RATELIMIT_STORAGE_URI": settings.ratelimit_storage_uri,
        "RATELIMIT_IN_MEMORY_FALLBACK_ENABLED": not settings.ratelimit_storage_uri.startswith("memory"),
        "APP_NAME": "Connect Pulse",
        "FAB_BASE_TEMPLATE": "pulse/fab.html",
        "FAB_UPDATE_PERMS": False,
        "FAB_ADD_SECURITY_VIEWS": False,
        "FAB_ADD_SECURITY_API": False,
        "FAB_ADD_OPENAPI_VIEWS": False,
        "FAB_ADD_MENU_API": False,
        "FAB_API_KEY_ENABLED": False,
    }
