"""The routes of rate cards, and one of everything they show."""

from itertools import count
from typing import Any

from connectpulse_billing.rates import cards, drafting
from connectpulse_billing.rates.models import Rate

from connectpulse.core.api import Work
from connectpulse.web.security.roles import READ, WRITE
from tests.house.declared import Door

_numbers = count(1)


def _card(work: Work) -> int:
    return cards.create(work, f"Card {next(_numbers)}").id


def _version(work: Work) -> int:
    return cards.begin_draft(work, _card(work)).id


def _rate(work: Work) -> int:
    typed: dict[str, Any] = {"channel": "sms", "prefix": "+92", "per": "part", "units": "1"}
    row: Rate = drafting.write(work, _version(work), typed)
    return row.id


NOUNS = {"rate card": _card, "rate version": _version, "rate": _rate}
OF_THE_PLATFORM = frozenset({"rate card", "rate version", "rate"})

DOORS = {
    "PriceView.show": Door(READ, "Prices"),
    **{"RateCardView.list": Door(READ, "Rates")},
    "RateCardView.show": Door(READ, "Rates", "rate card"),
    "RateCardView.add": Door(WRITE, "Rates"),
    **{
        f"RateCardView.{name}": Door(WRITE, "Rates", "rate card")
        for name in ("edit", "delete", "upload", "draft", "make_default", "give")
    },
    **{f"RateVersionView.{name}": Door(READ, "Rates", "rate version") for name in ("show", "download")},
    **{f"RateVersionView.{name}": Door(WRITE, "Rates", "rate version") for name in ("publish", "discard")},
    **{f"RateView.{name}": Door(READ, "Rates") for name in ("list", "lookup")},
    "RateView.show": Door(READ, "Rates", "rate"),
    "RateView.add": Door(WRITE, "Rates"),
    **{f"RateView.{name}": Door(WRITE, "Rates", "rate") for name in ("edit", "delete")},
}
