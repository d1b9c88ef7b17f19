"""Which permission each route asks for, and what its address names. A new route needs a line here.

The lines are the intention, the code is what is tried: `test_matrix` asks every route as a stranger and in every
role, for objects of one's own organisation and of another.
"""

from collections.abc import Mapping
from typing import NamedTuple

from connectpulse.web.security.roles import APPROVE, LAUNCH, READ, REVOKE, WRITE


class Door(NamedTuple):
    """What a route asks for: `verb` on `page`. `of` is the noun of `tests.journeys.specimens` its address names."""

    verb: str
    page: str
    of: str = ""


OPEN = frozenset({
    "HomeView.index", "LocaleView.index", "SignInView.login", "SignInView.logout", "UtilView.back", "api.openapi",
    "appbuilder.static", "callbacks.receive", "health.details", "health.healthz", "health.metrics", "health.readyz",
    "static",
})  # fmt: skip
"""Routes that answer strangers: with the sign-in page, a file, or after a proof of another kind."""

KEYED = frozenset({"api.audit_log", "api.me", "api.subject_requests", "api.submit_subject_request"})
"""Routes that ask for a key instead of a person; `tests/unit/web/test_api_door.py` tries them."""

ARGUMENTS: Mapping[str, str] = {"channel": "sms", "connection_id": "1", "token": "x", "locale": "en"}
"""What stands in addresses besides an object's id."""

# fmt: off
DOORS: Mapping[str, Door] = {
    "ApiKeyView.add": Door(WRITE, "API keys"),
    "ApiKeyView.edit": Door(WRITE, "API keys", of="API key"),
    "ApiKeyView.list": Door(READ, "API keys"),
    "ApiKeyView.revoke": Door(REVOKE, "API keys", of="API key"),
    "ApiKeyView.show": Door(READ, "API keys", of="API key"),
    "ApiRequestView.list": Door(READ, "API requests"),
    "ApiRequestView.show": Door(READ, "API requests", of="API request"),
    "AuditView.list": Door(READ, "Audit"),
    "AuditView.show": Door(READ, "Audit", of="audit entry"),
    "CampaignView.add": Door(WRITE, "Campaigns"),
    "CampaignView.approve": Door(APPROVE, "Campaigns", of="campaign"),
    "CampaignView.cancel": Door(LAUNCH, "Campaigns", of="campaign"),
    "CampaignView.copy": Door(WRITE, "Campaigns", of="campaign"),
    "CampaignView.delete": Door(WRITE, "Campaigns", of="campaign"),
    "CampaignView.edit": Door(WRITE, "Campaigns", of="campaign"),
    "CampaignView.launch": Door(LAUNCH, "Campaigns", of="campaign"),
    "CampaignView.list": Door(READ, "Campaigns"),
    "CampaignView.pause": Door(LAUNCH, "Campaigns", of="campaign"),
    "CampaignView.progress": Door(READ, "Campaigns", of="campaign"),
    "CampaignView.quote": Door(WRITE, "Campaigns", of="campaign"),
    "CampaignView.quote_progress": Door(READ, "Campaigns", of="campaign"),
    "CampaignView.resume": Door(LAUNCH, "Campaigns", of="campaign"),
    "CampaignView.send_back": Door(APPROVE, "Campaigns", of="campaign"),
    "CampaignView.show": Door(READ, "Campaigns", of="campaign"),
    "CampaignView.test": Door(WRITE, "Campaigns", of="campaign"),
    "ConnectionView.add": Door(WRITE, "Connections"),
    "ConnectionView.check": Door(WRITE, "Connections", of="connection"),
    "ConnectionView.choose": Door(WRITE, "Connections"),
    "ConnectionView.delete": Door(WRITE, "Connections", of="connection"),
    "ConnectionView.edit": Door(WRITE, "Connections", of="connection"),
    "ConnectionView.list": Door(READ, "Connections"),
    "ConnectionView.lookup": Door(READ, "Connections"),
    "ConnectionView.pause": Door(WRITE, "Connections", of="connection"),
    "ConnectionView.resume": Door(WRITE, "Connections", of="connection"),
    "ConnectionView.show": Door(READ, "Connections", of="connection"),
    "ContactListView.add": Door(WRITE, "Lists"),
    "ContactListView.delete": Door(WRITE, "Lists", of="list"),
    "ContactListView.edit": Door(WRITE, "Lists", of="list"),
    "ContactListView.list": Door(READ, "Lists"),
    "ContactListView.lookup": Door(READ, "Lists"),
    "ContactListView.show": Door(READ, "Lists", of="list"),
    "ContactView.add": Door(WRITE, "Contacts"),
    "ContactView.delete": Door(WRITE, "Contacts", of="contact"),
    "ContactView.edit": Door(WRITE, "Contacts", of="contact"),
    "ContactView.list": Door(READ, "Contacts"),
    "ContactView.lookup": Door(READ, "Contacts"),
    "ContactView.restrict": Door(WRITE, "Contacts", of="contact"),
    "ContactView.show": Door(READ, "Contacts", of="contact"),
    "CustomFieldView.add": Door(WRITE, "Fields"),
    "CustomFieldView.delete": Door(WRITE, "Fields", of="field"),
    "CustomFieldView.edit": Door(WRITE, "Fields", of="field"),
    "CustomFieldView.list": Door(READ, "Fields"),
    "CustomFieldView.lookup": Door(READ, "Fields"),
    "CustomFieldView.show": Door(READ, "Fields", of="field"),
    "HomeView.live": Door(READ, "Home"),
    "ImportView.add": Door(WRITE, "Imports"),
    "ImportView.cancel": Door(WRITE, "Imports", of="import"),
    "ImportView.faults": Door(READ, "Imports", of="import"),
    "ImportView.list": Door(READ, "Imports"),
    "ImportView.progress": Door(READ, "Imports", of="import"),
    "ImportView.show": Door(READ, "Imports", of="import"),
    "ImportView.start": Door(WRITE, "Imports", of="import"),
    "InboundView.list": Door(READ, "Inbound"),
    "InboundView.show": Door(READ, "Inbound", of="inbound"),
    "MemberView.add": Door(WRITE, "Members"),
    "MemberView.delete": Door(WRITE, "Members", of="member"),
    "MemberView.edit": Door(WRITE, "Members", of="member"),
    "MemberView.list": Door(READ, "Members"),
    "MessageView.list": Door(READ, "Messages"),
    "MessageView.settle": Door(WRITE, "Messages", of="message"),
    "MessageView.show": Door(READ, "Messages", of="message"),
    "OrganisationView.add": Door(WRITE, "Organisations"),
    "OrganisationView.edit": Door(WRITE, "Organisations", of="organisation"),
    "OrganisationView.list": Door(READ, "Organisations"),
    "OrganisationView.lookup": Door(READ, "Organisations"),
    "ProfileView.lookup": Door(READ, "Profile"),
    "ProfileView.organisation": Door(WRITE, "Profile"),
    "ProfileView.password": Door(WRITE, "Profile"),
    "ProfileView.show": Door(READ, "Profile"),
    "RouteView.add": Door(WRITE, "Routes"),
    "RouteView.delete": Door(WRITE, "Routes", of="route"),
    "RouteView.edit": Door(WRITE, "Routes", of="route"),
    "RouteView.list": Door(READ, "Routes"),
    "RouteView.lookup": Door(READ, "Routes"),
    "RouteView.show": Door(READ, "Routes", of="route"),
    "SenderView.add": Door(WRITE, "Senders"),
    "SenderView.delete": Door(WRITE, "Senders", of="sender"),
    "SenderView.edit": Door(WRITE, "Senders", of="sender"),
    "SenderView.list": Door(READ, "Senders"),
    "SenderView.lookup": Door(READ, "Senders"),
    "SenderView.show": Door(READ, "Senders", of="sender"),
    "SettingsView.edit": Door(READ, "Settings"),
    "SuppressionView.add": Door(WRITE, "Suppressions"),
    "SuppressionView.delete": Door(WRITE, "Suppressions", of="suppression"),
    "SuppressionView.list": Door(READ, "Suppressions"),
    "SuppressionView.lookup": Door(READ, "Suppressions"),
    "SuppressionView.show": Door(READ, "Suppressions", of="suppression"),
    "SystemView.show": Door(READ, "System"),
    "TemplateView.add": Door(WRITE, "Templates"),
    "TemplateView.archive": Door(WRITE, "Templates", of="template"),
    "TemplateView.edit": Door(WRITE, "Templates", of="template"),
    "TemplateView.list": Door(READ, "Templates"),
    "TemplateView.lookup": Door(READ, "Templates"),
    "TemplateView.preview": Door(READ, "Templates"),
    "TemplateView.show": Door(READ, "Templates", of="template"),
}
# fmt: on
