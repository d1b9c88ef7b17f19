"""Keys of the API, and what was asked with them."""

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Any, ClassVar

from flask import abort, g, redirect, url_for
from flask_appbuilder import expose
from flask_appbuilder.security.decorators import has_access, permission_name
from sqlalchemy import ColumnElement, Select, func, select, true

from ...core.domain.form import Field, Form, Kind
from ...core.domain.scopes import SCOPES
from ...core.services import allowances
from ...core.services.api import keys
from ...core.services.work import Work
from ...core.storage import ids
from ...core.storage.models import ApiKey, ApiRequest
from .. import current
from ..security.roles import REVOKE, WRITE
from .across import AcrossView, whose
from .cells import Column, Filter, badge, link
from .dates import moment, zone
from .noun import NounView

_MOST_KEYS = 100


def _state(row: ApiKey) -> Any:
    if row.revoked_at is not None:
        return badge("revoked", "bad")
    if row.expires_at is not None and row.expires_at <= datetime.now(UTC):
        return badge("expired", "warn")
    return badge("good", "ok")


class ApiKeyView(NounView):
    model = ApiKey
    noun, plural, counted, icon = "Key", "API keys", "Keys", "fa-key"
    class_permission_name = "API keys"
    route_base = "/api-keys"
    can_delete = False
    empty_hint = (
        "Programs of yours sign their requests with a key. Each gets its own, with no more rights than it needs."
    )
    search_hint = "Name"
    columns = (
        Column("Name", lambda row: link(row.name, "ApiKeyView.show", pk=row.id)),
        Column("Begins with", lambda row: row.prefix),
        Column("State", _state),
        Column("May", lambda row: ", ".join(row.scopes)),
        Column("Last used", lambda row: moment(row.last_used_at) or "never"),
    )
    form: ClassVar[Form] = (
        Field("name", "Name", is_required=True, high=120, help="Of the program that will use it."),
        Field("scopes", "What it may do", Kind.CHECKS, is_required=True, choices=tuple(SCOPES.items())),
        Field("networks", "Networks it may be used from", Kind.LONG_TEXT, high=4000,
              help="One a line, like 203.0.113.0/24 or a single address. Empty allows every address."),
        Field("rate_per_minute", "Requests a minute", Kind.NUMBER, default=120, low=1, high=6000),
        Field("expires_on", "Good until", Kind.DATE, help="The last day, here. Empty: until it is revoked."),
    )  # fmt: skip
    include_route_methods: ClassVar[set[str]] = {"list", "show", "add", "edit", "revoke"}
    show_template = "pulse/api_key.html"

    def told(self, work: Work) -> str:
        most = allowances.of(work, work.organisation_id).api_per_minute
        return f"All keys together may make {most} requests a minute." if most is not None else ""

    def search(self, words: str) -> ColumnElement[bool]:
        return func.lower(ApiKey.name).startswith(words.lower(), autoescape=True)

    def values(self, work: Work, row: Any) -> dict[str, Any]:
        end = row.expires_at.astimezone(zone()).date() - timedelta(days=1) if row.expires_at else None
        return super().values(work, row) | {"networks": "\n".join(row.networks), "expires_on": end}

    def create(self, work: Work, values: dict[str, Any]) -> Any:
        row, g.fresh_key = keys.create(work, _draft(values))
        g.fresh_name = row.name
        return row

    def change(self, work: Work, row: Any, values: dict[str, Any]) -> Any:
        return keys.change(work, row, _draft(values))

    def details(self, work: Work, row: Any) -> list[tuple[str, Any]]:
        return [
            ("State", _state(row)),
            ("Begins with", row.prefix),
            ("May", ", ".join(SCOPES.get(scope, scope) for scope in row.scopes)),
            ("From", ", ".join(row.networks) or "every address"),
            ("Requests a minute", row.rate_per_minute),
            *([] if row.revoked_at else [("Good until", moment(row.expires_at) or "it is revoked")]),
            ("Last used", moment(row.last_used_at) or "never"),
            ("Made", moment(row.created_at)),
            *([("Revoked", moment(row.revoked_at))] if row.revoked_at else []),
        ]

    @expose("/add", methods=["GET", "POST"])
    @has_access
    @permission_name(WRITE)
    def add(self) -> Any:
        """Show an empty form, or make a key and show it, this once: in the answer itself, and nowhere else."""
        answer = super().add()
        if "fresh_key" not in g:
            return answer
        return self.render_template("pulse/api_key_made.html", name=g.fresh_name, token=g.fresh_key)

    @expose("/revoke/<pk>", methods=["POST"])
    @has_access
    @permission_name(REVOKE)
    def revoke(self, pk: str) -> Any:
        """End a key at once and for good."""
        self.act(
            lambda work: keys.revoke(work, self.find(work, pk).id), "The key is revoked. It opens nothing any more."
        )
        return redirect(url_for("ApiKeyView.show", pk=pk))


def _draft(values: dict[str, Any]) -> keys.Draft:
    last: Any = values["expires_on"]
    end = datetime.combine(last + timedelta(days=1), time(), zone()) if last else None
    return keys.Draft(
        values["name"], values["scopes"] or (), values["rate_per_minute"],
        [line for line in (values["networks"] or "").replace(",", "\n").splitlines() if line.strip()], end,
    )  # fmt: skip


_STATUSES = (
    ("done", "Answered"), ("refused", "Refused (4xx)"), ("failed", "Failed (5xx)"), ("limited", "Over the limit (429)"),
)  # fmt: skip


def _with_status(chosen: str) -> ColumnElement[bool]:
    status = ApiRequest.status
    return {
        "done": status < 400,
        "refused": status.between(400, 499),
        "failed": status >= 500,
        "limited": status.__eq__(429),
    }[chosen]


def _since(chosen: str) -> ColumnElement[bool]:
    """Return the condition for "30m" (so many minutes back) or for a day of the reader's zone like 2026-11-25."""
    if chosen.endswith("m"):
        return ApiRequest.id >= ids.at(datetime.now(UTC) - timedelta(minutes=int(chosen[:-1])))
    begin = datetime.combine(datetime.fromisoformat(chosen), time(), zone())
    return ApiRequest.id.between(ids.at(begin), ids.at(begin + timedelta(days=1)) - 1)


def _times() -> list[tuple[str, str]]:
    today = datetime.now(zone()).date()
    days = [today - timedelta(days=n) for n in range(8)]
    return [
        ("15m", "Last 15 minutes"), ("60m", "Last hour"), (days[0].isoformat(), "Today"),
        *((day.isoformat(), day.strftime("%a, %d %b")) for day in days[1:]),
    ]  # fmt: skip


class ApiRequestView(AcrossView):
    model = ApiRequest
    reason_across = "read the platform's requests"
    noun, plural, icon = "Request", "API requests", "fa-right-left"
    counted = "Requests"
    class_permission_name = "API requests"
    route_base = "/api-requests"
    can_add = can_edit = can_delete = False
    empty_hint = "Every request to the API leaves a line here for 7 days: never its content, never its key."
    columns = (
        Column("When", lambda row: link(moment(ids.moment(row.id)), "ApiRequestView.show", pk=row.id, of=whose(row))),
        Column("What", lambda row: f"{row.method} {row.route}"),
        Column("Answer", lambda row: _badge(row.status)),
        Column("Took", lambda row: f"{row.milliseconds:,} ms", is_number=True),
        Column("From", lambda row: row.address),
        Column("Program", lambda row: row.agent),
    )
    include_route_methods: ClassVar[set[str]] = {"list", "show"}
    list_template = "pulse/api_requests.html"

    def select(self) -> Select[Any]:
        return select(ApiRequest).where(ApiRequest.organisation_id.is_(None) if self.is_across() else true())

    def offered(self) -> Sequence[Filter]:
        narrow = [Filter("status", "Answer", _STATUSES, _with_status), Filter("when", "When", _times(), _since)]
        return narrow if self.is_across() else [*narrow, Filter("key", "Key", self._keys(), _of_key)]

    def _keys(self) -> list[tuple[str, str]]:
        with current.work() as work:
            newest = select(ApiKey.id, ApiKey.name).order_by(ApiKey.id.desc()).limit(_MOST_KEYS)
            return [(str(id), name) for id, name in work.session.execute(newest)]

    def find(self, work: Work, pk: str) -> Any:
        row = super().find(work, pk)
        if self.is_across() and row.organisation_id is not None:
            abort(404)
        return row

    def details(self, work: Work, row: Any) -> list[tuple[str, Any]]:
        key = work.session.get(ApiKey, row.key_id) if row.key_id else None
        return [
            ("When", moment(ids.moment(row.id))),
            ("What", f"{row.method} {row.route}"),
            ("Answer", _badge(row.status)),
            ("Took", f"{row.milliseconds:,} ms"),
            ("Size", f"{row.size:,} bytes"),
            ("Key", link(key.name, "ApiKeyView.show", pk=key.id) if key else "none"),
            *([("Connection", link(row.connection_id, "ConnectionView.show", pk=row.connection_id))]
              if row.connection_id else []),
            ("From", row.address),
            ("Program", row.agent or "not said"),
            ("Request id", row.request_id),
        ]  # fmt: skip

    def _title(self, row: Any) -> str:
        return f"{row.method} {row.route}"


def _of_key(chosen: str) -> ColumnElement[bool]:
    return ApiRequest.key_id == int(chosen)


def _badge(status: int) -> Any:
    kind = "ok" if status < 400 else "bad" if status >= 500 else "warn"
    return badge(str(status), kind)
