"""The auditors' page: who did what to what and when, whether the log holds, and what may be taken out of it."""

import io
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar

from flask import abort, flash, g, redirect, request, send_file, url_for
from flask_appbuilder import expose
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_appbuilder.security.sqla.models import User
from sqlalchemy import ColumnElement, Select, false, func, or_, select

from ...core.errors import NotFound, Refused
from ...core.registry import Registry
from ...core.services.action_log import asking, checking, excerpts, searches
from ...core.services.work import Work
from ...core.storage import ids
from ...core.storage.models import AuditCheck, AuditEntry
from .. import current
from ..security.roles import READ
from . import about
from .across import AcrossView, whose
from .cells import Column, Filter, link
from .dates import moment, zone
from .forms import row_number, search_words

"""What `of` says in the address of the platform's own log."""
_KEPT_IN_SEARCH = ("q", "on", "verb", "area", "from", "until")
_MOST_PEOPLE = 50


def _sentence(row: AuditEntry) -> str:
    return excerpts.sentence(current.the_house().registry.actions, row)


def _areas(registry: Registry) -> list[tuple[str, str]]:
    """Return what acts are about: the nouns of core's verbs, and the plugins that declare verbs of their own."""
    names = sorted({verb.partition(".")[0] for verb in registry.actions})
    return [(name, registry.plugins[name].title if name in registry.plugins else name.capitalize()) for name in names]


class AuditView(AcrossView):
    model = AuditEntry
    reason_across = "read the action log"
    noun, plural, counted, icon = "Act", "Action log", "Acts", "fa-clock-rotate-left"
    class_permission_name = "Audit"
    route_base = "/audit"
    can_add = can_edit = can_delete = False
    empty_hint = f"Nothing was done in the last {asking.DAYS} days. Everything anybody does is written down here."
    search_hint = "Name of the person"
    columns = (
        Column("When", lambda row: moment(ids.moment(row.id))),
        Column("What", lambda row: link(_sentence(row), "AuditView.show", pk=row.id, of=whose(row))),
        Column("About", lambda row: about.shown(row, g.audit_links)),
        Column("From", lambda row: row.actor_address),
    )
    is_always_searched = True
    include_route_methods: ClassVar[set[str]] = {"list", "show", "progress", "check", "export", "keep", "drop"}
    list_template = "pulse/audit.html"
    show_template = "pulse/audit_entry.html"

    # --- whose log, and what of it

    def query(self) -> dict[str, str]:
        """Return what is searched for, as the address has it."""
        typed = {name: request.args.get(name, "").replace("\0", "").strip() for name in _KEPT_IN_SEARCH}
        return {name: value[: asking.MOST] for name, value in typed.items() if value}

    def asked(self) -> dict[str, str]:
        """Return whose log is read and what is searched for."""
        return {**self.kept(), **self.query()}

    def address(self, *, with_query: bool = True) -> str:
        """Return the address of the list that is read, as it is searched or whole."""
        values: dict[str, Any] = {**(self.asked() if with_query else self.kept())}
        return url_for("AuditView.list", **values)

    def is_narrowed(self) -> bool:
        return bool(self.query())

    def offered(self) -> Sequence[Filter]:
        areas = _areas(current.the_house().registry)
        return [Filter("area", "About", areas, lambda area: AuditEntry.verb.startswith(f"{area}.", autoescape=True))]

    def select(self) -> Select[Any]:
        """Return what is searched for; nothing where the search makes no sense, so that nobody takes it for found."""
        query, statement = self.query(), self._within_days()
        if self.senseless():
            return statement.where(false())
        if verb := query.get("verb"):
            statement = statement.where(AuditEntry.verb == verb)
        if wanted := query.get("on"):
            statement = statement.where(asking.on(wanted))
        return statement

    def _whole(self) -> Select[Any]:
        """Return the log that is read: an organisation's, which the guard narrows it to, or the platform's own."""
        statement = select(AuditEntry)
        return statement.where(AuditEntry.organisation_id.is_(None)) if self.is_across() else statement

    def _within_days(self) -> Select[Any]:
        return self._whole().where(self._span().where())

    def _span(self) -> asking.Span:
        return asking.span(self.query(), zone(), current.the_house().clock())

    def senseless(self) -> dict[str, str]:
        """Return what makes no sense in the search, by the name of its field."""
        if "audit_faults" not in g:
            query, faults = self.query(), dict(self._span().faults)
            areas, verb = {name for name, _ in self.offered()[0].choices}, query.get("verb")
            if query.get("area") and query["area"] not in areas:
                faults["area"] = f"Nothing is about “{query['area'][:40]}”. Choose one of the list."
            actions = current.the_house().registry.actions
            if verb and not asking.is_verb(current.the_session(), actions, self._whole(), verb):
                faults["verb"] = asking.verb_fault(verb)
            g.audit_faults = faults
        return dict(g.audit_faults)

    def _refuse_faults(self) -> None:
        if faults := self.senseless():
            raise Refused(*faults.values())

    def unknown_names(self) -> dict[str, str]:
        """Return which names of a search that found nothing are of nobody and nothing, by field."""
        if self.senseless():
            return {}
        query = self.query()
        with self.work() as work:
            log = self._within_days()
            return asking.unknown(work.session, log, search_words(), query.get("on", ""), self.search)

    def search(self, words: str) -> ColumnElement[bool]:
        """Find people by their accounts, whom an index finds; by the names in the log where that finds none."""
        begins = [
            func.lower(column).startswith(words.lower(), autoescape=True)
            for column in (User.first_name + " " + User.last_name, User.last_name, User.username, User.email)
        ]
        statement = select(User.id).where(or_(*begins)).limit(_MOST_PEOPLE + 1)
        people = current.the_session().scalars(statement).all()
        by_name = AuditEntry.actor_name.istartswith(words, autoescape=True)
        if not 1 <= len(people) <= _MOST_PEOPLE:
            return by_name
        return or_(AuditEntry.actor_id.in_(people) & AuditEntry.actor_kind.in_(("user", "key")), by_name)

    def _page(self, work: Work, statement: Select[Any]) -> tuple[Sequence[Any], int | None]:
        rows, older = super()._page(work, statement)
        g.audit_links = about.links(work, rows)
        return rows, older

    def find(self, work: Work, pk: str) -> Any:
        row = super().find(work, pk)
        if self.is_across() and row.organisation_id is not None:
            abort(404)
        return row

    def chain(self) -> int:
        """Return the number of the chain that is read; 0 is the platform's."""
        return 0 if self.is_across() else current.organisation_id() or 0

    def verbs(self) -> list[str]:
        """Return every verb there is, for choosing one."""
        return sorted(current.the_house().registry.actions)

    # --- one act

    def details(self, work: Any, row: Any) -> list[tuple[str, Any]]:
        pairs = [
            ("When", moment(ids.moment(row.id))),
            ("Who", f"{row.actor_name or excerpts.FORMER} ({row.actor_kind})"),
            ("From", row.actor_address or "within"),
            ("Verb", link(row.verb, "AuditView.list", verb=row.verb, of=whose(row))),
            ("About", about.shown(row, about.links(work, [row])) or "nothing of its own"),
        ]
        pairs += [
            (name.replace("_", " ").capitalize(), str(value))
            for name, value in row.detail.items()
            if not (name == "changes" and isinstance(value, dict))
        ]
        if row.request_id:
            pairs.append(("Request", row.request_id))
        pairs.append(("Seal", row.seal.hex()[:24] + "…"))
        return pairs

    def changes(self, pk: int) -> list[tuple[str, str, str]]:
        """Return what an act changed: each column with what it was before and after."""
        with self.work() as work:
            changed = self.find(work, str(pk)).detail.get("changes")
        if not isinstance(changed, dict):
            return []
        return [
            (name.replace("_", " ").capitalize(), *("—" if each in (None, "") else str(each) for each in pair))
            for name, pair in changed.items()
            if isinstance(pair, list) and len(pair) == 2
        ]  # fmt: skip

    def _title(self, row: Any) -> str:
        return _sentence(row)

    # --- whether it holds

    def last_check(self) -> AuditCheck | None:
        """Return the last check of the chain that is read."""
        return checking.found_in(current.the_session(), self.chain())

    def checked_until(self, check: AuditCheck) -> Any:
        """Return the time of the last act that was looked at."""
        return moment(ids.moment(check.at_id)) if check.at_id else "its beginning"

    @expose("/progress", methods=["GET"])
    @has_access
    @permission_name(READ)
    def progress(self) -> Any:
        """Return how far the check has come."""
        return self.render_template("pulse/_audit_check.html", view=self)

    @expose("/check", methods=["POST"])
    @has_access
    @permission_name(READ)
    def check(self) -> Any:
        """Let the chain be verified; changes nothing of it."""
        with self.work() as work:
            checking.start(work, self.chain())
        return redirect(self.address(with_query=False))

    # --- what is taken along

    @expose("/export", methods=["POST"])
    @has_access
    @permission_name(READ)
    def export(self) -> Any:
        """Hand over what the search finds, signed."""
        file = io.BytesIO()
        try:
            with self.work() as work:
                found = self._narrowed(search_words())
                self._refuse_faults()
                excerpts.write(work, found, self.asked(), file)
        except Refused as refusal:
            flash(str(refusal), "danger")
            return redirect(self.address())
        file.seek(0)
        name = f"action-log-{datetime.now(UTC):%Y%m%d-%H%M%S}.zip"
        return send_file(file, mimetype="application/zip", as_attachment=True, download_name=name)

    @expose("/keep", methods=["POST"])
    @has_access
    @permission_name(READ)
    def keep(self) -> Any:
        """Keep the search for its reader."""
        name = request.form.get("name", "")

        def keep(work: Work) -> None:
            self._refuse_faults()
            searches.keep(work, name, self.asked())

        self.act(keep, "The search is kept.")
        return redirect(self.address())

    @expose("/drop/<pk>", methods=["POST"])
    @has_access
    @permission_name(READ)
    def drop(self, pk: str) -> Any:
        """Drop a search of the reader's own."""
        try:
            self.act(lambda work: searches.drop(work, row_number(pk)), "The search is dropped.")
        except (ValueError, NotFound):
            abort(404)
        return redirect(self.address(with_query=False))

    def searches(self) -> list[tuple[int, str, str]]:
        """Return the reader's searches: number, name, and where each leads."""
        with current.work() as work:
            return [(each.id, each.name, url_for("AuditView.list", **dict(each.query))) for each in searches.mine(work)]
