"""Pages of the domains an organisation sends from, and of its choices about letters."""

from typing import Any, ClassVar, Final

from flask import abort, flash, redirect, request, url_for
from sqlalchemy import ColumnElement

from connectpulse.core.api import Field, Form, Kind, NotFound, Refused, View, Work
from connectpulse.web.pages import (
    READ,
    WRITE,
    BaseView,
    Column,
    NounView,
    badge,
    expose,
    has_access,
    link,
    permission_name,
    work,
)

from . import choices, domains, standing
from .dns import findings
from .models import SenderDomain
from .tracking import figures

PAGE: Final = "Letters"
MAY: Final = {
    READ: ("Organisation administrator", "Campaign manager", "Analyst"), WRITE: ("Organisation administrator",),
}  # fmt: skip
STATES: Final = {
    findings.OK: ("in order", "ok"),
    findings.WARN: ("could be better", "warn"),
    findings.BAD: ("to be done", "bad"),
    findings.UNKNOWN: ("no answer", ""),
}


class SenderDomainView(NounView):
    """The domains letters come from: their keys, and what DNS says of them."""

    model = SenderDomain
    noun, plural, icon = "Sender domain", "Sender domains", "fa-globe"
    class_permission_name = PAGE
    route_base = "/email/domains"
    has_page = True
    search_hint = "Domain"
    show_template = "email/domain.html"
    empty_hint = (
        "Receivers believe a letter if its domain vouches for it. Add the domain your letters come from: you are "
        "told which records to publish, and whether they are right."
    )
    columns = (
        Column("Domain", lambda row: link(row.domain, "SenderDomainView.show", pk=row.id)),
        Column("State", lambda row: _mark(row)),
        Column("Checked", lambda row: _when(row.checked_at)),
    )
    form: ClassVar[Form] = (
        Field("domain", "Domain", is_required=True, high=253, help="What stands behind the @ of your senders."),
        Field(
            "bounce_domain",
            "Bounces go to",
            high=253,
            help="The domain your operator has letters return to, like bounce.acme.example; empty if you know of none.",
        ),
        Field(
            "algorithm",
            "Kind of key",
            Kind.CHOICE,
            choices=tuple(domains.ALGORITHMS.items()),
            default="rsa",
            help="Many receivers know only the first.",
        ),
    )
    include_route_methods: ClassVar[set[str]] = {"list", "show", "add", "edit", "delete", "check", "rotate"}

    def search(self, words: str) -> ColumnElement[bool]:
        return SenderDomain.domain.startswith(words.lower(), autoescape=True)

    def prepare(self, work: Work, form: Form, row: Any | None) -> Form:
        return form if row is None else tuple(each for each in form if each.name == "bounce_domain")

    def create(self, work: Work, values: dict[str, Any]) -> Any:
        return standing.add(work, values["domain"], values["bounce_domain"] or "", values["algorithm"])

    def change(self, work: Work, row: Any, values: dict[str, Any]) -> Any:
        return standing.change(work, row.id, values["bounce_domain"] or "")

    def remove(self, work: Work, row: Any) -> None:
        standing.remove(work, row.id)

    @expose("/show/<pk>", methods=["GET"])
    @has_access
    @permission_name(READ)
    def show(self, pk: str) -> Any:
        """Show what was found about a domain, the records to publish, and its keys."""
        with self.work() as work:
            row = self.find(work, pk)
            keys = [key for key in domains.keys(work) if key.domain == row.domain]
            return self.render_template(
                self.show_template, view=self, pk=row.id, row=row, row_title=row.domain, mark=_mark(row),
                details=[("Checked", _when(row.checked_at)), ("Bounces go to", row.bounce_domain or "not told")],
                found=findings.read(row.findings), wanted=standing.keys_to_publish(work, row.domain)[:1], keys=keys,
                states=STATES, may_write=self.may(WRITE), algorithms=domains.ALGORITHMS,
                has_waiting=any(key.state == domains.WAITING for key in keys), when=_when,
            )  # fmt: skip

    @expose("/check/<pk>", methods=["POST"])
    @has_access
    @permission_name(WRITE)
    def check(self, pk: str) -> Any:
        """Ask DNS about a domain now."""
        with self.work() as work:
            domain_id = self.find(work, pk).id
        try:
            found = standing.look(self.work, domain_id)
        except (NotFound, Refused) as refusal:
            flash(str(refusal), "danger")
            return redirect(url_for("SenderDomainView.list"))
        wrong = sum(each.state == findings.BAD for each in found)
        flash("Nothing is left to be done." if not wrong else f"To be done: {wrong}. See below.",
              "warning" if wrong else "success")  # fmt: skip
        return redirect(url_for("SenderDomainView.show", pk=pk))

    @expose("/rotate/<pk>", methods=["POST"])
    @has_access
    @permission_name(WRITE)
    def rotate(self, pk: str) -> Any:
        """Make the next key of a domain, or its first one."""

        def verb(work: Work) -> None:
            name = self.find(work, pk).domain
            has_one = any(key.domain == name for key in domains.keys(work))
            domains.rotate(work, name) if has_one else domains.make(work, name)

        self.act(verb, "The key was made. Publish its record, then check the domain: it is used from then on.")
        return redirect(url_for("SenderDomainView.show", pk=pk))


class ChoiceView(BaseView):
    """What an organisation chose about its letters."""

    class_permission_name = PAGE
    route_base = "/email/choices"
    default_view = "show"

    @expose("/", methods=["GET"])
    @has_access
    @permission_name(READ)
    def show(self) -> Any:
        """Show the choices."""
        with work() as opened:
            if opened.organisation is None:
                return self.render_template("pulse/no_organisation.html")
            return self.render_template("email/choices.html", row=choices.of(opened), page=PAGE, WRITE=WRITE)

    @expose("/save", methods=["POST"])
    @has_access
    @permission_name(WRITE)
    def save(self) -> Any:
        """Keep the choices."""
        chosen = {name: name in request.form for name in ("tracks_clicks", "tracks_opens", "needs_verified")}
        with work() as opened:
            choices.save(opened, **chosen)
        flash("Your choices are kept. Letters follow them within a minute.", "success")
        return redirect(url_for("ChoiceView.show"))


class FigureView(BaseView):
    """What came of campaigns of letters: opens and clicks."""

    class_permission_name = PAGE
    route_base = "/email/figures"
    default_view = "list"

    @expose("/list/", methods=["GET"])
    @has_access
    @permission_name(READ)
    def list(self) -> Any:
        """Show the newest campaigns."""
        with work() as opened:
            if opened.organisation is None:
                return self.render_template("pulse/no_organisation.html")
            lines, chosen = figures.campaigns(opened), choices.of(opened)
            return self.render_template("email/figures.html", lines=lines, chosen=chosen, columns=figures.COLUMNS)

    @expose("/show/<int:pk>", methods=["GET"])
    @has_access
    @permission_name(READ)
    def show(self, pk: int) -> Any:
        """Show the links of one campaign."""
        with work() as opened:
            found = figures.links(opened, pk) if opened.organisation is not None and pk < 2**63 else None
        if found is None:
            abort(404)
        return self.render_template("email/links.html", name=found[0], links=found[1])


def _mark(row: Any) -> Any:
    if row.checked_at is None:
        return badge("not checked yet")
    return badge("in order", "ok") if row.is_verified else badge("to be done", "bad")


def _when(moment: Any) -> str:
    return f"{moment:%d %b %Y, %H:%M} UTC" if moment is not None else "never"


VIEWS: Final = (
    View(FigureView, "Opens and clicks", "E-mail", "fa-arrow-pointer", MAY),
    View(SenderDomainView, "Sender domains", "E-mail", "fa-globe", MAY),
    View(ChoiceView, "Choices", "E-mail", "fa-sliders", MAY),
)
