"""What a policy says about the keeping of records and who runs the platform, held against how it is."""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import NamedTuple

from ...domain import periods
from ...domain.retention import RetentionRule
from ...registry import Registry
from ...storage.models import Operator
from ..retention import terms
from ..work import Work

DRAFTED_BY = "IISOL"
"""The company that the product's first draft names."""

_DAY = timedelta(days=1)
_NAMES: Mapping[str, tuple[str, ...]] = {
    "pulse_api_request": ("API log", "API request", "API request log"),
    "pulse_campaign": ("campaign log", "campaign data", "campaigns"),
    "pulse_message": ("message log", "SMS log", "call log", "messages"),
    "pulse_inbound": ("replies", "inbound message", "incoming message"),
    "pulse_receipt": ("delivery receipt", "delivery report"),
    "pulse_sign_in": ("sign-in", "login", "log-in", "access timestamp", "access log"),
    "pulse_audit": ("activity log", "audit trail", "audit log", "action log"),
    "pulse_backup": (),
    "pulse_import": ("import",),
}  # fmt: skip
"""By which words a policy speaks of records; others are known by their rule's title."""


class Contradiction(NamedTuple):
    """A sentence of the policy and what is true instead; `table` is the rule's."""

    said: str
    rule: str
    table: str

    @property
    def sentence(self) -> str:
        """Both, as a reason not to publish."""
        return (
            f"It says “{self.said}”, but {self.rule} Change the text, or the rule under Organisation, Retention rules."
        )


def names(registry: Registry) -> dict[str, tuple[str, ...]]:
    """Return by which words a policy speaks of the records of each rule with a time."""
    timed = (rule for rule in registry.rules.values() if rule.keep is not None and rule.parent is None)
    return {rule.table: _NAMES.get(rule.table, (rule.title,) if rule.title else ()) for rule in timed}


def contradictions(work: Work, source: str) -> list[Contradiction]:
    """Return where a policy states another time than its rule, on the platform or in an organisation that chose."""
    chosen = terms.choices(work)
    found = []
    for table, said in periods.stated(source, names(work.registry)):
        rule = work.registry.rules[table]
        here = terms.kept(rule, None, chosen)
        if not said.fits(here):
            found.append(Contradiction(said.sentence, f"{_kept(rule, here)}.", table))
            continue
        others = [terms.kept(rule, each, chosen) for each, name in chosen if each is not None and name == table]
        longer = [keep for keep in others if not said.fits(keep) and keep > here]
        if longer and not re.search(r"\b(?:organi[sz]ation|choose|chosen|chose)\b", said.sentence, re.I):
            found.append(Contradiction(said.sentence, _elsewhere(rule, longer), table))
    return found


def _kept(rule: RetentionRule, keep: timedelta) -> str:
    length = f"{keep // _DAY} days" if keep >= _DAY else f"{keep.seconds // 3600} hours"
    return f"the rule “{rule.called}” keeps them for {length}"


def _elsewhere(rule: RetentionRule, longer: list[timedelta]) -> str:
    who = "an organisation" if len(longer) == 1 else f"{len(longer)} organisations"
    return f"{who} chose up to {max(longer) // _DAY} days in the rule “{rule.called}”."


def foreign_operator(source: str, facts: Operator) -> list[str]:
    """Return that a text names the first draft's company while another runs the platform and is not named."""
    entity = facts.legal_entity
    if not entity or DRAFTED_BY.casefold() in entity.casefold() or entity.casefold() in source.casefold():
        return []
    found = re.search(rf"\b{DRAFTED_BY}\b(?: \([^)\n]{{1,20}}\))?(?:[^\n.]{{0,10}}\bLtd\b)?", source)
    if found is None:
        return []
    return [
        f"It still names {found[0]} as the company, as the first draft does, but the operator is {entity}: "
        "write the operator's name into the text, or correct it under Platform, Operator."
    ]
