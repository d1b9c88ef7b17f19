"""Pages of units that are owed: for the organisation that owes them, and for the platform about all of them."""

from pathlib import Path
from typing import Any, ClassVar

from flask import redirect, request, url_for
from sqlalchemy import Select, or_, select, text
from sqlalchemy.orm import object_session

from connectpulse.core.api import Refused, View, Work, four_eyes
from connectpulse.web.pages import (
    READ,
    WRITE,
    Column,
    NounView,
    expose,
    has_access,
    link,
    permission_name,
)

from .. import may
from ..figures import spelt
from ..whose import organisation
from . import balances, owing
from .pages import campaign, change, moment, told
from .tables import Account, Entry

_TEMPLATES = str(Path(__file__).parent / "templates")
OWED, OWING = "Owed units", "Owing organisations"


class OwedView(NounView):
    """What made an organisation owe units, and what settled it, the newest first."""

    model = Entry
    noun, plural, counted, icon = "Entry", "Owed units", "entries", "fa-hand-holding-dollar"
    class_permission_name = OWED
    route_base = "/billing/owed"
    template_folder = _TEMPLATES
    list_template = "billing/owed.html"
    can_add = can_edit = can_delete = False
    empty_hint = (
        "Nothing is owed. Units are owed when a payment goes back after its units were spent, or when messages cost "
        "more than there was."
    )
    columns = (
        Column("When", moment),
        Column("What", told),
        Column("Campaign", campaign),
        Column("Owed", lambda row: change(row.owed), is_number=True),
        Column("Borne by the platform", lambda row: change(-row.borne), is_number=True),
    )
    include_route_methods: ClassVar[set[str]] = {"list", "settle"}

    def select(self) -> Select[Any]:
        return select(Entry).where(or_(Entry.owed != 0, Entry.borne != 0))

    def render_template(self, template: str, **facts: Any) -> Any:
        if template == self.list_template:
            with self.work() as work:
                facts["balance"] = balances.of(work, work.organisation_id)
                facts["owed"] = owing.total(work, work.organisation_id)
            facts["spelt"] = spelt
        return super().render_template(template, **facts)

    @expose("/settle", methods=["POST"])
    @has_access
    @permission_name(WRITE)
    def settle(self) -> Any:
        """Settle what is owed with the units that are there."""
        self.act(owing.settle, "Settled, as far as the units went.")
        return redirect(url_for("OwedView.list"))


class OwingView(NounView):
    """The organisations that owe units, or for which the platform bears some."""

    model = Account
    noun, plural, icon = "Organisation", "Owing organisations", "fa-hand-holding-dollar"
    counted = "organisations"
    class_permission_name = OWING
    route_base = "/billing/owing"
    template_folder = _TEMPLATES
    show_template = "billing/owing.html"
    is_platform = True
    can_add = can_edit = can_delete = False
    empty_hint = "No organisation owes units."
    columns = (
        Column("Organisation", lambda row: link(organisation(row), "OwingView.show", pk=row.organisation_id)),
        Column("Owed", lambda row: _owed(row), is_number=True),
        Column("Borne by the platform", lambda row: spelt(-row.borne), is_number=True),
        Column("Available", lambda row: spelt(row.available), is_number=True),
    )
    include_route_methods: ClassVar[set[str]] = {"list", "show", "waive"}

    def select(self) -> Select[Any]:
        return select(Account).where(or_(Account.borne < 0, text(f"billing_account.{owing.OWING.strip()}")))

    @expose("/show/<pk>", methods=["GET"])
    @has_access
    @permission_name(READ)
    def show(self, pk: str) -> Any:
        """Show what an organisation owes, item by item, and what the platform bears for it."""
        with self.work() as work:
            row = self.find(work, pk)
            items = owing.items(work, row.organisation_id)
            waiting = [each for each in items if four_eyes.waiting(work, owing.WAIVE, each.entry_id)]
            return self.render_template(
                self.show_template, view=self, row=row, name=organisation(row), items=items, waiting=waiting,
                owed=owing.total(work, row.organisation_id), spelt=spelt, may_write=self.may(WRITE),
            )  # fmt: skip

    @expose("/waive/<pk>", methods=["POST"])
    @has_access
    @permission_name(WRITE)
    def waive(self, pk: str) -> Any:
        """Ask a second person to let the organisation keep what it owes for one reversal."""

        def ask(work: Work) -> None:
            chosen = request.form.get("item", type=int)
            if chosen is None:
                raise Refused("Choose what is to be waived.")
            owing.ask_to_waive(work, self.find(work, pk).organisation_id, chosen, request.form.get("why", "")[:300])

        self.act(ask, "Asked. A second person decides under Decisions; nothing is changed until then.")
        return redirect(url_for("OwingView.show", pk=pk))


def _owed(row: Account) -> str:
    session = object_session(row)
    return spelt(session.execute(owing.TOTAL, {"organisation": row.organisation_id}).scalar_one()) if session else ""


VIEWS = (
    View(OwedView, OWED, "Billing", "fa-hand-holding-dollar", may.OWING),
    View(OwingView, OWING, "Billing", "fa-hand-holding-dollar", may.SELLING),
)
