"""Pages of plans, of an organisation's subscription, and of what it is told about its units."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

from flask import flash, redirect, request, url_for
from sqlalchemy import select

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

from .. import may
from ..buying import money
from ..figures import spelt
from ..rates.models import RateCard
from . import alerts, lifecycle, plans, standing
from .charging import GRACE_DAYS, ROLES, SUSPENDED_FOR, is_paid_ahead, open_charge
from .tables import CHANGE, Plan

TEMPLATES = str(Path(__file__).parent / "templates")
PLANS, SUBSCRIPTION = "Plans", "Subscription"


def _figure(value: Any) -> str:
    return "" if value is None else f"{value.normalize():f}" if hasattr(value, "normalize") else str(value)


class PlanView(NounView):
    """What organisations may subscribe to."""

    model = Plan
    noun, plural, icon = "Plan", "Plans", "fa-layer-group"
    class_permission_name = PLANS
    route_base = "/billing/plans"
    is_platform = True
    search_hint = "the beginning of a name"
    empty_hint = "No plans yet: organisations pay as they go, and nothing is limited. Add one to offer more."
    columns = (
        Column("Name", lambda row: link(row.name, "PlanView.show", pk=row.id)),
        Column("Fee without taxes", lambda row: f"{money.shown(row.fee, row.currency)} a {standing.every(row)}",
               is_number=True),
        Column("Units", lambda row: spelt(row.units), is_number=True),
        Column("Trial", lambda row: f"{row.trial_days} days" if row.trial_days else "none"),
        Column("State", lambda row: badge("offered", "ok") if row.is_offered else badge("not offered")),
    )  # fmt: skip
    form: ClassVar[Form] = (
        Field("name", "Name", is_required=True, high=120),
        Field("fee", "Fee", is_required=True, high=20, group="Fee",
              help="For a period, without taxes. 0: free. Fee, units and limits stay once somebody subscribed."),
        Field("currency", "Currency", is_required=True, high=3, default="PKR", group="Fee"),
        Field("months", "Period", Kind.CHOICE, choices=(("1", "a month"), ("12", "a year")), default="1", group="Fee"),
        Field("units", "Included units", high=20, default="0", group="What is included",
              help="They come with each period and expire with it."),
        Field("card_id", "Rate card", Kind.CHOICE, group="What is included", help="Empty: the default card."),
        Field("channels", "Channels", Kind.CHECKS, group="What is included", help="None chosen: all of them."),
        Field("users", "Users", Kind.NUMBER, low=1, high=100_000, group="What is included", help="Empty: any number."),
        Field("api_per_minute", "API requests a minute", Kind.NUMBER, low=1, high=1_000_000,
              group="What is included", help="Of all keys together. Empty: not limited."),
        Field("trial_days", "Days of trial", Kind.NUMBER, low=0, high=90, default=0, group="Trial",
              help="Only an organisation's first subscription has a trial. 0: none."),
        Field("trial_units", "Units of the trial", high=20, default="0", group="Trial"),
        Field("place", "Place in the list", Kind.NUMBER, low=0, high=10_000, default=100, group="Offer"),
        Field("is_offered", "Offered", Kind.SWITCH, default=True, group="Offer"),
    )  # fmt: skip

    def prepare(self, work: Work, form: Form, row: Any | None) -> Form:
        names = tuple((name, work.registry.channel(name).title) for name in sorted(work.registry.channels))
        cards = work.session.scalars(select(RateCard).order_by(RateCard.name).limit(200))
        choices = {"channels": names, "card_id": tuple((str(card.id), card.name) for card in cards)}
        return tuple(
            Field(each.name, each.label, each.kind, each.help, choices=choices[each.name], group=each.group)
            if each.name in choices else each for each in form
        )  # fmt: skip

    def values(self, work: Work, row: Any) -> dict[str, Any]:
        shown = {name: _figure(getattr(row, name)) for name in ("fee", "units", "trial_units", "months")}
        card_id = plans.card_of(work, row.id)
        return {**super().values(work, row), **shown, "card_id": str(card_id) if card_id else None}

    def create(self, work: Work, values: dict[str, Any]) -> Any:
        return plans.save(work, None, _with_card(values))

    def change(self, work: Work, row: Any, values: dict[str, Any]) -> Any:
        return plans.save(work, row, _with_card(values))

    def remove(self, work: Work, row: Any) -> None:
        plans.remove(work, row)

    def details(self, work: Work, row: Any) -> list[tuple[str, Any]]:
        card_id = plans.card_of(work, row.id)
        card = link(work.session.get_one(RateCard, card_id).name, "RateCardView.show", pk=card_id) if card_id else ""
        return [*super().details(work, row)[1:4], *standing.facts(work, row)[1:], ("Rate card", card or "the default")]


def _with_card(values: dict[str, Any]) -> dict[str, Any]:
    return values | {"card_id": int(values["card_id"]) if values.get("card_id") else None}


class SubscriptionView(BaseView):
    """The subscription of an organisation: what it includes, what it costs next, and what else there is."""

    class_permission_name = SUBSCRIPTION
    route_base = "/billing/subscription"
    default_view = "show"
    template_folder = TEMPLATES

    @expose("/", methods=["GET"])
    @has_access
    @permission_name(READ)
    def show(self) -> Any:
        """Show how the subscription stands and what may be chosen."""
        with work() as opened:
            if opened.organisation is None:
                return self.render_template("pulse/no_organisation.html")
            mine = lifecycle.live(opened)
            shown: dict[str, Any] = {"mine": mine, "offers": standing.offers(opened, mine)}
            if mine is not None:
                charge, change = open_charge(opened, mine), open_charge(opened, mine, CHANGE)
                shown |= {
                    "charge": charge, "switch": change, "is_paid": is_paid_ahead(charge),
                    "used": standing.used(opened, mine), "mark": badge(*standing.TITLES[mine.state]),
                    "next_fee": standing.fee(opened, mine.next_plan or mine.plan),
                    "unpaid_until": mine.unpaid_since + GRACE_DAYS if mine.unpaid_since else None,
                    "ends_unless": mine.suspended_at + SUSPENDED_FOR if mine.suspended_at else None,
                }  # fmt: skip
            return self.render_template("billing/subscription.html", money=money, now=opened.clock(), **shown)

    @expose("/subscribe/<int:pk>", methods=["POST"])
    @has_access
    @permission_name(WRITE)
    def subscribe(self, pk: int) -> Any:
        """Begin a subscription."""
        return self._act(lambda opened: _order_of(lifecycle.subscribe(opened, pk), opened), "You are on the plan.")

    @expose("/change/<int:pk>", methods=["POST"])
    @has_access
    @permission_name(WRITE)
    def change(self, pk: int) -> Any:
        """Change the plan."""
        return self._act(lambda opened: _order_id(lifecycle.change(opened, pk)), "The plan was chosen.")

    @expose("/cancel", methods=["POST"])
    @has_access
    @permission_name(WRITE)
    def cancel(self) -> Any:
        """Cancel the subscription."""
        return self._act(lifecycle.cancel, "The subscription is cancelled.")

    @expose("/resume", methods=["POST"])
    @has_access
    @permission_name(WRITE)
    def resume(self) -> Any:
        """Take the cancellation back."""
        return self._act(lifecycle.resume, "The subscription goes on.")

    @expose("/pay", methods=["POST"])
    @has_access
    @permission_name(WRITE)
    def pay(self) -> Any:
        """Go to the order that is to be paid."""
        return self._act(lifecycle.order_to_pay, "")

    def _act(self, verb: Callable[[Work], int | None], done: str) -> Any:
        try:
            with work() as opened:
                order_id = verb(opened)
        except (Refused, NotFound) as refusal:
            flash(str(refusal), "danger")
            return redirect(url_for("SubscriptionView.show"))
        if order_id is not None:
            return redirect(url_for("OrderView.show", pk=order_id))
        flash(done, "success")
        return redirect(url_for("SubscriptionView.show"))


def _order_id(charge: Any) -> int | None:
    return charge.order_id if charge is not None and charge.paid_at is None else None


def _order_of(mine: Any, opened: Work) -> int | None:
    return _order_id(open_charge(opened, mine)) if mine.state == "waiting" else None


class AlertView(BaseView):
    """When the organisation is told that its units run low."""

    class_permission_name = SUBSCRIPTION
    route_base = "/billing/alerts"
    default_view = "show"
    template_folder = TEMPLATES

    @expose("/", methods=["GET"])
    @has_access
    @permission_name(READ)
    def show(self) -> Any:
        """Show the settings."""
        return self._page({})

    @expose("/save", methods=["POST"])
    @has_access
    @permission_name(WRITE)
    def save(self) -> Any:
        """Keep the settings."""
        typed = {name: request.form.get(name, "")[:20] for name in ("percent", "days", "units")}
        typed["is_on"] = "yes" if request.form.get("is_on") else ""
        try:
            with work() as opened:
                alerts.save(opened, typed)
        except Refused as refusal:
            flash(str(refusal), "danger")
            return self._page(typed), 422
        flash("The alert is set.", "success")
        return redirect(url_for("AlertView.show"))

    def _page(self, typed: dict[str, str]) -> Any:
        with work() as opened:
            if opened.organisation is None:
                return self.render_template("pulse/no_organisation.html")
            row = alerts.of(opened)
            known = {
                "is_on": row.is_on if row else True, "percent": row.percent if row else 20,
                "days": row.days if row else 0, "units": _figure(row.units) if row else "0",
            } | typed  # fmt: skip
            return self.render_template("billing/alerts.html", known=known, row=row, roles=ROLES)


VIEWS = (
    View(SubscriptionView, "Subscription", "Billing", "fa-id-card", may.MANAGING),
    View(AlertView, "Low units", "Billing", "fa-bell", may.MANAGING),
    View(PlanView, "Plans", "Billing", "fa-layer-group", may.SELLING),
)
