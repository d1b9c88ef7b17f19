"""Pages of single rates, and the one that says what a number costs."""

from pathlib import Path
from typing import Any, ClassVar

from flask import request, url_for
from sqlalchemy import select

from connectpulse.core.api import Field, Form, Kind, Measure, Purpose, Refused, Tariff, Work, normalise_address
from connectpulse.web.pages import READ, BaseView, Column, NounView, expose, has_access, permission_name, work

from . import cards, drafting, prices
from .measures import STEPS, TITLES
from .models import Rate, RateVersion

PAGE = "Rates"
_TEMPLATES = str(Path(__file__).parent / "templates")


def cost(rate: Any) -> str:
    """Return a rate in words: `1.25 per part`."""
    units = rate.units.normalize()
    return f"{units:f} per {TITLES[rate.per]}"


class RateView(NounView):
    """The rates of one version, found by the beginning of their prefix; those of a draft can be changed."""

    model = Rate
    noun, plural, icon = "Rate", "Rates", "fa-tag"
    class_permission_name = PAGE
    route_base = "/billing/rates"
    is_platform = True
    search_hint = "prefix, like +92300"
    is_always_searched = True
    template_folder = _TEMPLATES
    list_template = "billing/rates.html"
    empty_hint = "No rates yet. Upload a file on the card's page, or add them one by one."
    columns = (
        Column("Channel", lambda row: row.channel),
        Column("Destination", lambda row: f"{row.prefix}…" if row.prefix.startswith("+") else row.prefix or "any"),
        Column("Sender kind", lambda row: row.sender_kind or "any"),
        Column("Category", lambda row: row.category or "any"),
        Column("Units", lambda row: f"{row.units.normalize():f}", is_number=True),
        Column("Per", lambda row: TITLES[row.per]),
    )
    form: ClassVar[Form] = (
        Field("channel", "Channel", Kind.CHOICE, is_required=True),
        Field("prefix", "Destination begins with", high=253,
              help="Like +92300; the domain for e-mail; empty for any. The longest that fits wins."),
        Field("sender_kind", "Kind of sender", high=40, help="Empty for any."),
        Field("category", "Category", high=40, help="The category of messages, or their purpose. Empty for any."),
        Field("per", "Per", Kind.CHOICE, is_required=True, choices=tuple(TITLES.items())),
        Field("units", "Units", is_required=True, high=20, help="At most four decimals. 0 makes it free."),
    )  # fmt: skip

    def kept(self) -> dict[str, str]:
        return {"version": str(self._version_id())}

    def is_narrowed(self) -> bool:
        return False

    def select(self) -> Any:
        return select(Rate).where(Rate.version_id == self._version_id())

    def search(self, words: str) -> Any:
        return Rate.prefix.startswith(words.replace(" ", ""), autoescape=True)

    def prepare(self, work: Work, form: Form, row: Any | None) -> Form:
        names = tuple((name, work.registry.channel(name).title) for name in sorted(work.registry.channels))
        first = Field("channel", "Channel", Kind.CHOICE, is_required=True, choices=names)
        return (first, *form[1:])

    def create(self, work: Work, values: dict[str, Any]) -> Any:
        return drafting.write(work, self._version_id(), values)

    def change(self, work: Work, row: Any, values: dict[str, Any]) -> Any:
        return drafting.write(work, row.version_id, values, row.id)

    def remove(self, work: Work, row: Any) -> None:
        drafting.remove(work, row.version_id, row.id)

    def values(self, work: Work, row: Any) -> dict[str, Any]:
        return {**super().values(work, row), "units": f"{row.units.normalize():f}"}

    def after_add(self, row_id: Any) -> str:
        return url_for("RateView.list", version=self._version_id())

    def after_edit(self, pk: str) -> str:
        with self.work() as opened:
            return url_for("RateView.list", version=self.find(opened, pk).version_id)

    def may(self, verb: str) -> bool:
        if verb == READ or not super().may(verb):
            return super().may(verb)
        with self.work() as opened:
            version = opened.session.get(RateVersion, self._version_id())
            return version is not None and version.published_at is None

    def _version_id(self) -> int:
        if "version" in request.args:
            return request.args.get("version", default=0, type=_number)
        pk = (request.view_args or {}).get("pk")
        if pk is None:
            return 0
        with self.work() as opened:
            return int(self.find(opened, pk).version_id)


def _number(typed: str) -> int:
    number = int(typed)
    if not 0 < number < 2**63:
        raise ValueError(typed[:20])
    return number


class PriceView(BaseView):
    """What one message to one number costs, and which rate says so."""

    route_base = "/billing/price"
    class_permission_name = "Prices"
    default_view = "show"
    template_folder = _TEMPLATES

    @expose("/", methods=["GET"])
    @has_access
    @permission_name(READ)
    def show(self) -> Any:
        """Show the form, and the price of what was typed in it."""
        typed = {name: request.args.get(name, "").strip()[:320] for name in ("channel", "to", "kind", "category")}
        amount = request.args.get("quantity", default=1, type=int)
        with work() as opened:
            if opened.organisation is None:
                return self.render_template("pulse/no_organisation.html")
            channels = [(name, opened.registry.channel(name)) for name in sorted(opened.registry.channels)]
            found, fault = None, ""
            if typed["to"]:
                try:
                    found = priced(opened, typed, min(max(amount, 1), 100_000))
                except Refused as refusal:
                    fault = str(refusal)
            return self.render_template(
                "billing/price.html", channels=channels, typed=typed, quantity=amount, found=found, fault=fault,
                cost=cost, measures=STEPS,
            )  # fmt: skip


def priced(opened: Work, typed: dict[str, str], quantity: int) -> dict[str, Any]:
    """Return what a message costs: the rate, the card it is of, and the units; raise Refused with why not."""
    if typed["channel"] not in opened.registry.channels:
        raise Refused("Choose a channel.")
    channel = opened.registry.channel(typed["channel"])
    address = normalise_address(channel.scheme, typed["to"], cards.country_of(opened))
    tariff = Tariff(
        opened.organisation_id,
        channel.name,
        Purpose.TRANSACTIONAL,
        "",
        typed["category"].lower(),
        typed["kind"].lower(),
    )
    found = prices.find(opened, tariff, address)
    if found is None:
        raise Refused(
            f"There is no price for destinations beginning with {prices.missing_prefix(address)}. "
            "Nothing can be sent there until the operator adds a rate."
        )
    rate, version = found
    return {
        "rate": rate,
        "version": version,
        "units": prices.pricer(opened, tariff)(address, Measure(1, quantity)).units,
    }
