"""Connections to providers and the routes over them: the platform operator's pages."""

import asyncio
from dataclasses import replace
from typing import Any, ClassVar

from flask import redirect, request, url_for
from flask_appbuilder import expose
from flask_appbuilder.security.decorators import has_access, permission_name
from sqlalchemy import select

from ...core.domain.form import Field, Form, Kind, secrets, unasked
from ...core.domain.provider import Capability, Check, Provider
from ...core.errors import NotFound, Refused
from ...core.services import audit, connections, records
from ...core.services.connections import Limits
from ...core.services.disclosure import agreements
from ...core.services.work import Work
from ...core.storage.models import Connection, Organisation, Route
from .. import current
from ..security.roles import READ, WRITE
from . import forms
from .agreements import stands_badge
from .cells import Column, Filter, Removal, badge, link
from .channels import channel_title
from .dates import moment
from .forms import with_choices
from .noun import NounView

CHECK_SECONDS = 20

_LIMITS: Form = (
    Field("window", "Window", Kind.NUMBER, default=100, low=1, high=10_000, group="Limits",
          help="Most messages handed over that are not answered yet."),
    Field("sessions", "Sessions", Kind.NUMBER, default=1, low=1, high=64, group="Limits",
          help="How many workers may hold this connection at the same time."),
    Field("rate_per_second", "Parts per second", Kind.NUMBER, low=1, high=100_000, group="Limits",
          help="What the provider allows, over all sessions. Empty: as fast as it goes."),
)  # fmt: skip

_TRIAL = Field("is_trial", "It leads to a simulator or a sandbox: nobody is really written to", Kind.SWITCH,
               group="Agreement", help="Then it needs no agreement, and campaigns over it say so. Without this, "
               "record the agreement with the provider before using it.")  # fmt: skip


def health(connection: Connection) -> Any:
    """Return how a connection does, as a mark that says why."""
    if not connection.is_active and connection.paused_reason == connections.WAITS:
        return badge("waits for an agreement", "warn", connection.paused_reason)
    if not connection.is_active:
        return badge("paused", "warn", connection.paused_reason)
    if connection.open_until is not None and connection.open_until > current.the_house().clock():
        return badge("resting", "bad", connection.last_error)
    if connection.failures:
        return badge("failing", "bad", connection.last_error)
    return badge("working", "ok") if connection.last_ok_at else badge("not used yet")


class ConnectionView(NounView):
    model = Connection
    noun, plural, icon = "Connection", "Connections", "fa-plug"
    class_permission_name = "Connections"
    route_base = "/connections"
    is_platform = True
    empty_hint = "A connection is an account with a provider: where it is, how to sign in, how fast it may go."
    has_page = True
    search_hint = "Name"
    removal = Removal(consequence="Its routes go with it, and what was sent names it no more. Pausing keeps both.")
    columns = (
        Column("Name", lambda row: link(row.name, "ConnectionView.show", pk=row.id)),
        Column("Provider", lambda row: _provider_title(row.provider)),
        Column("Health", health),
        Column("Last success", lambda row: moment(row.last_ok_at)),
    )
    include_route_methods: ClassVar[set[str]] = {
        *NounView.include_route_methods, "choose", "check", "pause", "resume",
    }  # fmt: skip
    show_template = "pulse/connection.html"

    def prepare(self, work: Work, form: Form, row: Any | None) -> Form:
        cls = work.registry.provider(row.provider if row is not None else request.args.get("provider", ""))
        name = Field("name", "Name", is_required=True, high=120, help="For yourselves, like Jazz Lahore SMPP.")
        trial = () if Capability.SIMULATED in cls.capabilities else (_TRIAL,)
        return (name, *_optional_secrets(cls.settings_form, row), *trial, *_LIMITS)

    def values(self, work: Work, row: Any) -> dict[str, Any]:
        limits = {"window": row.window, "sessions": row.sessions, "rate_per_second": row.rate_per_second}
        return {"name": row.name, **row.settings, **limits, "is_trial": row.is_trial}

    def preset(self) -> dict[str, Any]:
        cls = current.the_house().registry.provider(request.args.get("provider", ""))
        return dict(cls.presets.get(request.args.get("preset", ""), {}))

    @expose("/choose", methods=["GET"])
    @has_access
    @permission_name(WRITE)
    def choose(self) -> Any:
        """Show the providers a connection can be made to, by what they carry; those of one channel where asked."""
        registry = current.the_house().registry
        offered: dict[str, list[type[Provider]]] = {}
        for cls in registry.providers.values():
            offered.setdefault(cls.channel, []).append(cls)
        chosen = request.args.get("channel", "")
        shown = {chosen: offered[chosen]} if chosen in offered else offered
        return self.render_template("pulse/providers.html", view=self, offered=offered, shown=shown, chosen=chosen)

    @expose("/add", methods=["GET", "POST"])
    @has_access
    @permission_name(WRITE)
    def add(self) -> Any:
        """Show a provider's form, or make a connection."""
        if request.args.get("provider") not in current.the_house().registry.providers:
            return redirect(url_for("ConnectionView.choose"))
        return super().add()

    def new_title(self) -> str:
        return f"New connection: {_provider_title(request.args['provider'])}"

    def given_up(self, pk: str | None) -> tuple[str, str]:
        if pk is not None:
            return super().given_up(pk)
        channel = current.the_house().registry.provider(request.args.get("provider", "")).channel
        return url_for("ConnectionView.choose", channel=channel), "Providers"

    def create(self, work: Work, values: dict[str, Any]) -> Any:
        name, limits, settings, is_trial = _split(values)
        return connections.create(work, name, request.args["provider"], settings, limits, is_trial=is_trial)

    def change(self, work: Work, row: Any, values: dict[str, Any]) -> Any:
        name, limits, settings, is_trial = _split(values)
        return connections.change(work, row.id, name, settings, limits, is_trial=is_trial)

    def remove(self, work: Work, row: Any) -> None:
        connections.remove(work, row.id)

    @expose("/show/<pk>", methods=["GET"])
    @has_access
    @permission_name(READ)
    def show(self, pk: str) -> Any:
        """Show a connection: its health, its settings without secrets, what it discloses, its routes."""
        return self._page_of(pk)

    def _page_of(self, pk: str, check: Check | None = None) -> Any:
        with self.work() as work:
            row = self.find(work, pk)
            routes = work.session.scalars(select(Route).where(Route.connection_id == row.id).limit(50)).unique().all()
            try:
                cls = work.registry.provider(row.provider)
            except NotFound:
                cls = None
            callback = ""
            if cls is not None and Capability.CALLBACKS in cls.capabilities:
                callback = current.the_house().settings.public_url.rstrip("/") + connections.callback_path(row)
            return self.render_template(
                self.show_template, view=self, row=row, cls=cls, routes=routes, callback=callback, check=check,
                stands=agreements.standing(work, row), stands_badge=stands_badge,
                health=health(row), settings=_shown(cls, row), may_write=self.may(WRITE),
                disclosure=cls.disclosure(connections.values(row)) if cls is not None else None,
            )  # fmt: skip

    @expose("/check/<pk>", methods=["POST"])
    @has_access
    @permission_name(WRITE)
    def check(self, pk: str) -> Any:
        """Try a connection without sending a message."""
        with self.work() as work:
            row = self.find(work, pk)
            cls, values, callback = work.registry.provider(row.provider), connections.values(row), ""
            if Capability.CALLBACKS in cls.capabilities:
                callback = current.the_house().settings.public_url.rstrip("/") + connections.callback_path(row)
        try:
            found = asyncio.run(asyncio.wait_for(connections.check(cls, values, callback), CHECK_SECONDS))
        except TimeoutError:
            found = Check(False, (f"There was no answer within {CHECK_SECONDS} seconds.",))
        with self.work() as work:
            audit.record(work, "connection.tested", self.find(work, pk), is_working=found.is_working)
        return self._page_of(pk, found)

    @expose("/pause/<pk>", methods=["POST"])
    @has_access
    @permission_name(WRITE)
    def pause(self, pk: str) -> Any:
        """Stop sending over a connection."""
        self.act(lambda work: connections.pause(work, self.find(work, pk).id, "Paused by an operator"), "Paused.")
        return redirect(url_for("ConnectionView.show", pk=pk))

    @expose("/resume/<pk>", methods=["POST"])
    @has_access
    @permission_name(WRITE)
    def resume(self, pk: str) -> Any:
        """Send over a connection again."""
        self.act(lambda work: connections.resume(work, self.find(work, pk).id), "The connection is in use again.")
        return redirect(url_for("ConnectionView.show", pk=pk))


def _provider_title(name: str) -> str:
    cls = current.the_house().registry.providers.get(name)
    return cls.title if cls is not None else f"{name} (not installed)"


def _optional_secrets(form: Form, row: Any | None) -> Form:
    """Return the form for changing a connection: a secret that is stored need not be typed again."""
    if row is None:
        return form
    kept = row.secrets or {}
    return tuple(
        replace(each, is_required=False, help="Stored. Leave empty to keep it.") if kept.get(each.name) else each
        for each in form
    )


def _split(values: dict[str, Any]) -> tuple[str, Limits, dict[str, Any], bool]:
    settings = dict(values)
    limits = Limits(settings.pop("window"), settings.pop("sessions"), settings.pop("rate_per_second"))
    return settings.pop("name"), limits, settings, bool(settings.pop("is_trial", False))


def _shown(cls: Any, row: Connection) -> list[tuple[str, str]]:
    """Return a connection's settings for reading: labels and values, secrets only as being there."""
    if cls is None:
        return []
    hidden, left_out = secrets(cls.settings_form), unasked(cls.settings_form, row.settings)
    pairs = []
    for each in (each for each in cls.settings_form if each.name not in left_out):
        if each.name in hidden:
            value = "stored" if (row.secrets or {}).get(each.name) else "none"
        else:
            value = dict(each.choices).get(str(row.settings.get(each.name)), forms.shown(row.settings.get(each.name)))
        if value not in ("", "none"):
            pairs.append((each.label, value))
    return pairs


class RouteView(NounView):
    model = Route
    noun, plural, icon = "Route", "Routes", "fa-route"
    class_permission_name = "Routes"
    route_base = "/routes"
    is_platform = True
    empty_hint = "Routes say which connection carries which messages. Without one, nothing can be sent."
    columns = (
        Column("Connection", lambda row: link(row.connection.name, "ConnectionView.show", pk=row.connection_id)),
        Column("Channel", lambda row: channel_title(row.channel)),
        Column("Priority", lambda row: row.priority, is_number=True),
        Column("Weight", lambda row: row.weight, is_number=True),
        Column("Numbers", lambda row: f"{row.prefix}…" if row.prefix else "all"),
        Column("Sender", lambda row: row.sender or "all"),
        Column("State", lambda row: badge("in use", "ok") if row.is_active else badge("switched off", "warn")),
    )
    filters = (Filter("active", "In use", (("yes", "Yes"), ("no", "No")), lambda v: Route.is_active.is_(v == "yes")),)
    form: ClassVar[Form] = (
        Field("connection_id", "Connection", Kind.PICK, source="ConnectionView", is_required=True),
        Field("organisation_id", "Only for", Kind.PICK, source="OrganisationView", help="Empty: for everybody."),
        Field("prefix", "Only numbers that begin with", high=20, help="Like +92300. Empty: all numbers."),
        Field("sender", "Only this sender", high=320, help="Empty: all senders."),
        Field("priority", "Priority", Kind.NUMBER, default=10, low=1, high=1000,
              help="The smallest goes first; the next one takes over when its connection fails."),
        Field("weight", "Weight", Kind.NUMBER, default=1, low=1, high=1000,
              help="Routes of the same priority share their messages by weight."),
        Field("is_active", "In use", Kind.SWITCH, default=True),
    )  # fmt: skip

    def search(self, words: str) -> Any:
        return Route.sender.startswith(words, autoescape=True)

    def prepare(self, work: Work, form: Form, row: Any | None) -> Form:
        return form[1:] if row is not None else with_choices(form)

    def preset(self) -> dict[str, Any]:
        return {"connection_id": request.args.get("connection", type=forms.row_number)}

    def create(self, work: Work, values: dict[str, Any]) -> Any:
        made = {**values, "prefix": values["prefix"] or "", "sender": values["sender"] or ""}
        _check_organisation(work, made["organisation_id"])
        return connections.create_route(work, made.pop("connection_id"), **made)

    def change(self, work: Work, row: Any, values: dict[str, Any]) -> Any:
        _check_organisation(work, values["organisation_id"])
        for name, value in values.items():
            setattr(row, name, value if value is not None or name == "organisation_id" else "")
        connections.check_route(row)
        return records.update(work, row, "route.updated")

    def remove(self, work: Work, row: Any) -> None:
        records.delete(work, row, "route.deleted")

    def _title(self, row: Any) -> str:
        return f"Route over {row.connection.name}"


def _check_organisation(work: Work, organisation_id: int | None) -> None:
    if organisation_id is not None and work.session.get(Organisation, organisation_id) is None:
        raise Refused("There is no such organisation.")
