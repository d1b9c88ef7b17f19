"""The sidebar: which pages there are, under which headings, and who sees them."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from flask import Flask, Response, abort, current_app, send_from_directory, url_for
from flask_appbuilder import AppBuilder
from jinja2 import ChoiceLoader, FileSystemLoader, PrefixLoader

from ..core.domain.faces import View
from ..core.registry import Registry
from . import current
from .security.roles import READ, WRITE, page_of

PLUGIN_FILES = "plugin_files"
"""The endpoint of plugins' own files: `url_for('plugin_files', plugin='acme', name='map.js')`."""


class Entry(NamedTuple):
    """A link of the sidebar: its label, its icon, its endpoint, and the page whose readers see it."""

    label: str
    icon: str
    endpoint: str
    page: str


MENU: tuple[tuple[str, tuple[Entry, ...]], ...] = (
    (
        "",
        (
            Entry("Home", "fa-house", "HomeView.index", "Home"),
            Entry("Inbox", "fa-inbox", "InboxView.list", "Inbox"),
            Entry("Help", "fa-life-ring", "HelpView.list", "Help"),
        ),
    ),
    (
        "Send",
        (
            Entry("Campaigns", "fa-bullhorn", "CampaignView.list", "Campaigns"),
            Entry("Templates", "fa-file-lines", "TemplateView.list", "Templates"),
            Entry("Files", "fa-paperclip", "FileView.list", "Files"),
            Entry("Canned answers", "fa-comment-dots", "CannedAnswerView.list", "Canned answers"),
            Entry("Senders", "fa-id-badge", "SenderView.list", "Senders"),
        ),
    ),
    (
        "Audience",
        (
            Entry("Contacts", "fa-user", "ContactView.list", "Contacts"),
            Entry("Lists", "fa-list", "ContactListView.list", "Lists"),
            Entry("Imports", "fa-file-import", "ImportView.list", "Imports"),
            Entry("Fields", "fa-tags", "CustomFieldView.list", "Fields"),
            Entry("Consents", "fa-handshake", "ContactConsentView.list", "Consents"),
            Entry("Suppressions", "fa-ban", "SuppressionView.list", "Suppressions"),
        ),
    ),
    (
        "Log",
        (
            Entry("Messages", "fa-paper-plane", "MessageView.list", "Messages"),
            Entry("Replies", "fa-reply", "InboundView.list", "Inbound"),
            Entry("Reports", "fa-chart-column", "ReportView.list", "Plugins"),
            Entry("Archives", "fa-box-archive", "ArchiveView.search", "Archives"),
            Entry("Action log", "fa-clock-rotate-left", "AuditView.list", "Audit"),
            Entry("API requests", "fa-right-left", "ApiRequestView.list", "API requests"),
        ),
    ),
    (
        "Privacy",
        (
            Entry("Requests", "fa-user-shield", "RequestView.list", "Requests"),
            Entry("Decisions", "fa-scale-balanced", "DecisionView.list", "Decisions"),
        ),
    ),
    (
        "Organisation",
        (
            Entry("Members", "fa-users", "MemberView.list", "Members"),
            Entry("API keys", "fa-key", "ApiKeyView.list", "API keys"),
            Entry("Legal holds", "fa-gavel", "HoldView.list", "Holds"),
            Entry("Retention rules", "fa-hourglass-half", "RetentionRuleView.list", "RetentionRules"),
            Entry("Settings", "fa-sliders", "SettingsView.edit", "Settings"),
        ),
    ),
    (
        "Platform",
        (
            Entry("Organisations", "fa-building", "OrganisationView.list", "Organisations"),
            Entry("Accounts", "fa-user-shield", "AccountView.list", "Accounts"),
            Entry("Sign-ins", "fa-right-to-bracket", "SignInLogView.list", "Accounts"),
            Entry("Second factors", "fa-key", "AccessRuleView.show", "Accounts"),
            Entry("Connections", "fa-plug", "ConnectionView.list", "Connections"),
            Entry("Routes", "fa-route", "RouteView.list", "Routes"),
            Entry("Support", "fa-headset", "SupportView.list", "Support"),
            Entry("Agreements", "fa-file-signature", "AgreementView.list", "Agreements"),
            Entry("Privacy policy", "fa-scale-balanced", "PolicyView.show", "Policy"),
            Entry("Operator", "fa-landmark", "OperatorView.edit", "Operator"),
            Entry("Stray messages", "fa-circle-question", "StrayView.list", "Connections"),
            Entry("Retention", "fa-hourglass-end", "RetentionView.report", "Retention"),
            Entry("Backups", "fa-box-archive", "BackupView.list", "Backups"),
            Entry("System", "fa-heart-pulse", "SystemView.show", "System"),
        ),
    ),
)

FEW = 20
"""Pages that are all shown at once; of more, headings fold up what is seldom needed."""
_OPEN = ("", "Send", "Audience")
"""The headings that are open where others are folded up."""

_READING = ("list", "show", "lookup", "get", "get_list", "info", "download", "index")


class Section(NamedTuple):
    """A heading of the sidebar and its links. `folds`: people open and close it, and it begins as `is_open` says."""

    heading: str
    entries: list[Entry]
    folds: bool
    is_open: bool


def menu(path: str) -> list[Section]:
    """Return what the signed-in person sees of the sidebar on the page at `path`; its own heading is open."""
    sections = {heading: list(entries) for heading, entries in MENU}
    for heading, entry in current_app.extensions["pulse_plugin_pages"]:
        sections.setdefault(heading, []).append(entry)
    shown = {heading: [e for e in entries if current.may(READ, e.page)] for heading, entries in sections.items()}
    is_long = sum(map(len, shown.values())) > FEW
    return [
        Section(
            heading, entries, is_long and bool(heading),
            not is_long or heading in _OPEN or any(is_current(entry, path) for entry in entries),
        )
        for heading, entries in shown.items() if entries
    ]  # fmt: skip


def add_files(app: Flask, registry: Registry) -> None:
    """Let plugins' pages use templates and files of their own, by the plugin's name: `acme/calls.html`."""
    own = {name: FileSystemLoader(path / "templates") for name, path in registry.packages.items()}
    assert app.jinja_loader is not None
    app.jinja_loader = ChoiceLoader([app.jinja_loader, PrefixLoader(own)])

    def send(plugin: str, name: str) -> Response:
        if plugin not in registry.packages:
            abort(404)
        return send_from_directory(registry.packages[plugin] / "static", name)

    app.add_url_rule("/assets/plugins/<plugin>/<path:name>", PLUGIN_FILES, send)


def add_plugins(builder: AppBuilder, views: Iterable[View]) -> None:
    """Register the plugins' pages and give them their places in the sidebar."""
    pages: list[tuple[str, Entry]] = []
    current_app.extensions["pulse_plugin_pages"] = pages
    for view in views:
        view.cls.class_permission_name = page_of(view)
        _guard(view.cls)
        made = builder.add_view_no_menu(view.cls)
        if not view.label:
            continue
        endpoint = f"{made.endpoint}.{made.default_view}"
        pages.append((view.category or "More", Entry(view.label, view.icon, endpoint, made.class_permission_name)))


def _guard(cls: type[Any]) -> None:
    """Let roles decide about methods that name no permissions of ours: reading is for readers, the rest is not."""
    if not getattr(cls, "method_permission_name", None):
        methods = [name for name in dir(cls) if hasattr(getattr(cls, name, None), "_permission_name")]
        cls.method_permission_name = {
            name: READ if name in _READING else WRITE
            for name in methods
            if getattr(cls, name)._permission_name not in (READ, WRITE)  # noqa: SLF001 - FAB's own mark
        }


def is_current(entry: Entry, path: str) -> bool:
    """Return whether `path` lies on an entry's page."""
    here = url_for(entry.endpoint)
    if here == "/":
        return path == "/"
    return path.startswith(here.removesuffix("list/"))
