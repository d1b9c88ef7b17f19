"""The page one looks at to see how units go: balance, speed, and what they went for."""

from pathlib import Path
from typing import Any

from connectpulse.core.api import View
from connectpulse.web.pages import READ, BaseView, chart, expose, has_access, permission_name, work

from .. import may
from ..ledger import balances
from . import reading

TEMPLATES = str(Path(__file__).parent / "templates")


class SpendingView(BaseView):
    """How units go."""

    class_permission_name = "Units"
    route_base = "/billing/overview"
    default_view = "show"
    template_folder = TEMPLATES

    @expose("/", methods=["GET"])
    @has_access
    @permission_name(READ)
    def show(self) -> Any:
        """Show the balance, how long it lasts, and charts of what was spent."""
        with work() as opened:
            balance = balances.of(opened, opened.organisation_id)
            burn = reading.burn(opened, balance.available)
            days = reading.by_day(opened)
            parts = (
                ("By channel", reading.by_channel(opened)),
                ("By campaign", reading.by_campaign(opened)),
                ("By destination", reading.by_place(opened)),
            )
        return self.render_template(
            "billing/overview.html", balance=balance, burn=burn, said=chart.said, span=reading.SPAN,
            spent=sum(units for _, units in days), days=chart.columns(f"Spent in {reading.SPAN} days", days, "units"),
            parts=[chart.bars(title, points, "units") for title, points in parts if points],
        )  # fmt: skip


VIEWS = (View(SpendingView, "Spending", "Billing", "fa-chart-column", may.LOOKING),)
