"""Pages of rate cards: the operator makes them, uploads prices, looks at what changes, and publishes."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

from flask import flash, redirect, request, url_for
from sqlalchemy import select

from connectpulse.core.api import Field, Form, Refused, View, Work
from connectpulse.web.pages import (
    READ,
    WRITE,
    Column,
    NounView,
    badge,
    csv_file,
    expose,
    has_access,
    link,
    permission_name,
)

from .. import may
from . import cards, drafting
from .models import RateCard, RateHolding, RateVersion
from .rate_pages import PAGE, PriceView, RateView
from .reading import MOST_BYTES

FAULTS_SHOWN = 200


class RateCardView(NounView):
    """The platform's rate cards."""

    model = RateCard
    noun, plural, icon = "Rate card", "Rate cards", "fa-tags"
    class_permission_name = PAGE
    route_base = "/billing/cards"
    is_platform = True
    search_hint = "the beginning of a name"
    template_folder = str(Path(__file__).parent / "templates")
    show_template = "billing/rate_card.html"
    empty_hint = (
        "A rate card says what messages cost. Without one nothing can be sent: make the first, then its prices."
    )
    columns = (
        Column("Name", lambda row: link(row.name, "RateCardView.show", pk=row.id)),
        Column("State", lambda row: badge("default", "ok") if row.is_default else ""),
    )
    form: ClassVar[Form] = (Field("name", "Name", is_required=True, high=120, help="Like Standard, or Resellers."),)
    include_route_methods: ClassVar[set[str]] = {
        "list", "show", "add", "edit", "delete", "upload", "draft", "make_default", "give",
    }  # fmt: skip

    def create(self, work: Work, values: dict[str, Any]) -> Any:
        return cards.create(work, values["name"])

    def change(self, work: Work, row: Any, values: dict[str, Any]) -> Any:
        return cards.rename(work, row.id, values["name"])

    def remove(self, work: Work, row: Any) -> None:
        cards.remove(work, row.id)

    @expose("/show/<pk>", methods=["GET"])
    @has_access
    @permission_name(READ)
    def show(self, pk: str) -> Any:
        """Show a card: its versions, who has it, and the way to new prices."""
        return self._card(pk)

    @expose("/upload/<pk>", methods=["POST"])
    @has_access
    @permission_name(WRITE)
    def upload(self, pk: str) -> Any:
        """Write a file of prices into the card's draft, or list every line that is wrong."""
        chosen = request.files.get("file")
        if chosen is None or not chosen.filename:
            flash("Choose a CSV file first.", "danger")
            return redirect(url_for("RateCardView.show", pk=pk))
        content = chosen.stream.read(MOST_BYTES + 1)
        try:
            with self.work() as work:
                card = self.find(work, pk)
                is_whole = request.form.get("is_whole") == "yes"
                draft, faults = drafting.upload(work, card.id, content, is_whole=is_whole)
                version_id = draft.id if draft is not None else None
        except Refused as refusal:
            flash(str(refusal), "danger")
            return redirect(url_for("RateCardView.show", pk=pk))
        if version_id is None:
            return self._card(pk, faults), 422
        flash("The file was read. Look at what it changes, then publish it.", "success")
        return redirect(url_for("RateVersionView.show", pk=version_id))

    @expose("/draft/<pk>", methods=["POST"])
    @has_access
    @permission_name(WRITE)
    def draft(self, pk: str) -> Any:
        """Begin the next version from the prices of now."""
        with self.work() as work:
            version_id = cards.begin_draft(work, self.find(work, pk).id).id
        return redirect(url_for("RateVersionView.show", pk=version_id))

    @expose("/make_default/<pk>", methods=["POST"])
    @has_access
    @permission_name(WRITE)
    def make_default(self, pk: str) -> Any:
        """Let a card hold for whoever has no other."""
        self.act(lambda work: cards.make_default(work, self.find(work, pk).id), "This is the default card now.")
        return redirect(url_for("RateCardView.show", pk=pk))

    @expose("/give/<pk>", methods=["POST"])
    @has_access
    @permission_name(WRITE)
    def give(self, pk: str) -> Any:
        """Let an organisation have this card, or take it back."""
        organisation = request.form.get("organisation", type=int)
        is_taken = request.form.get("take") == "yes"
        if organisation is None:
            flash("Choose an organisation.", "danger")
        else:
            self.act(
                lambda work: cards.give(work, organisation, None if is_taken else self.find(work, pk).id),
                "The organisation has no card of its own now." if is_taken else "The organisation has this card now.",
            )
        return redirect(url_for("RateCardView.show", pk=pk))

    def _card(self, pk: str, faults: Any = ()) -> Any:
        with self.work() as work:
            card = self.find(work, pk)
            versions, draft = cards.published(work, card.id), cards.draft(work, card.id)
            holders = work.session.scalars(
                select(RateHolding.organisation_id).where(RateHolding.card_id == card.id)
                .order_by(RateHolding.organisation_id).limit(50)
            ).all()  # fmt: skip
            named = [(each, cards.organisation_name(work, each)) for each in holders]
            return self.render_template(
                self.show_template, view=self, card=card, versions=versions, draft=draft, holders=named,
                faults=faults[:FAULTS_SHOWN], more=max(0, len(faults) - FAULTS_SHOWN), now=work.clock(),
                standing=_standing, may_write=self.may(WRITE),
            )  # fmt: skip


class RateVersionView(NounView):
    """One version of a card: what it changes, and the acts that decide about it."""

    model = RateVersion
    noun, plural, icon = "Version", "Versions", "fa-tags"
    class_permission_name = PAGE
    route_base = "/billing/versions"
    is_platform = True
    template_folder = RateCardView.template_folder
    include_route_methods: ClassVar[set[str]] = {"show", "publish", "discard", "download"}

    @expose("/show/<pk>", methods=["GET"])
    @has_access
    @permission_name(READ)
    def show(self, pk: str) -> Any:
        """Show what a version changes against the one before it."""
        with self.work() as work:
            version = self.find(work, pk)
            return self.render_template(
                "billing/rate_version.html", view=self, version=version, now=work.clock(), standing=_standing,
                before=drafting.newest_before(work, version), difference=drafting.difference(work, version),
                most=drafting.SHOWN, may_write=self.may(WRITE),
            )  # fmt: skip

    @expose("/publish/<pk>", methods=["POST"])
    @has_access
    @permission_name(WRITE)
    def publish(self, pk: str) -> Any:
        """Let a draft hold from now or from a time on."""
        self.act(
            lambda work: cards.publish(work, self.find(work, pk).id, _time("begins_at"), _time("ends_at")),
            "The prices are published.",
        )
        return redirect(url_for("RateVersionView.show", pk=pk))

    @expose("/discard/<pk>", methods=["POST"])
    @has_access
    @permission_name(WRITE)
    def discard(self, pk: str) -> Any:
        """Throw a draft away."""
        with self.work() as work:
            card_id = self.find(work, pk).card_id
        self.act(lambda work: cards.discard(work, self.find(work, pk).id), "The draft is gone.")
        return redirect(url_for("RateCardView.show", pk=card_id))

    @expose("/download/<pk>", methods=["GET"])
    @has_access
    @permission_name(READ)
    def download(self, pk: str) -> Any:
        """Return a version's rates as a file that can be uploaded again."""
        with self.work() as work:
            version = self.find(work, pk)
            name = f"rates-{version.card_id}-{version.number}.csv"
            return csv_file(name, drafting.lines(work, version.id))


def _time(name: str) -> datetime | None:
    typed = request.form.get(name, "").strip()
    if not typed:
        return None
    try:
        return datetime.fromisoformat(typed).replace(tzinfo=UTC)
    except ValueError:
        raise Refused(f"{typed[:20]!r} is not a date and time. Write it like 2026-12-01T00:00.") from None


def _standing(version: RateVersion, now: datetime) -> Any:
    """Return how a version stands, as a mark."""
    if version.published_at is None or version.valid_from is None:
        return badge("draft", "warn")
    if version.valid_from > now:
        return badge("to come", "busy")
    if version.valid_to is not None and version.valid_to <= now:
        return badge("ended")
    return badge("in force", "ok")


VIEWS = (
    View(RateCardView, "Rate cards", "Billing", "fa-tags", may.SELLING),
    View(RateVersionView, "", may=may.SELLING),
    View(RateView, "", may=may.SELLING),
    View(PriceView, "What does it cost", "Billing", "fa-calculator", may.BUYING),
)
