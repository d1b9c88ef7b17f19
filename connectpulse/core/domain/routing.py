"""Choosing connections: which may carry a message, in which order."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

Order = tuple[int, ...]
"""Connection ids, the first to be tried first. Empty: nothing can carry it."""


@dataclass(frozen=True, slots=True)
class RouteRule:
    """A route's conditions. `prefix` and `sender` empty match anything."""

    connection_id: int
    priority: int
    weight: int
    prefix: str
    sender: str


def chooser(rules: Sequence[RouteRule], sender: str) -> Callable[[str, int], Order]:
    """Return a function from an address and a number (the contact's id, say) to the order of connections.

    Lower priority first, then the longer prefix; among equals the number picks one in proportion to the
    weights, always the same one for the same number, and the others follow.
    """
    matching = [rule for rule in rules if rule.sender in ("", sender) and rule.weight > 0]
    ranked = sorted(matching, key=lambda rule: (rule.priority, -len(rule.prefix)))
    prefixes = sorted({rule.prefix.lstrip("+") for rule in ranked}, key=len, reverse=True)
    if len(ranked) == 1 and not prefixes[0]:
        only = (ranked[0].connection_id,)
        return lambda address, number: only
    groups: dict[tuple[str, ...], list[list[RouteRule]]] = {}

    def choose(address: str, number: int) -> Order:
        digits = address.lstrip("+")
        key = tuple(prefix for prefix in prefixes if digits.startswith(prefix))
        if key not in groups:
            groups[key] = _tiers(ranked, key)
        order: list[int] = []
        for tier in groups[key]:
            order += _weighted(tier, number)
        return tuple(dict.fromkeys(order))

    return choose


def _tiers(ranked: Sequence[RouteRule], prefixes: Sequence[str]) -> list[list[RouteRule]]:
    """Return the rules that fit, in tiers of equal priority and prefix length."""
    tiers: dict[tuple[int, int], list[RouteRule]] = {}
    for rule in ranked:
        if rule.prefix.lstrip("+") in prefixes:
            tiers.setdefault((rule.priority, len(rule.prefix)), []).append(rule)
    return list(tiers.values())


def _weighted(tier: Sequence[RouteRule], number: int) -> list[int]:
    if len(tier) == 1:
        return [tier[0].connection_id]
    point = number % sum(rule.weight for rule in tier)
    for first, rule in enumerate(tier):
        point -= rule.weight
        if point < 0:
            rotated = [*tier[first:], *tier[:first]]
            return [each.connection_id for each in rotated]
    return [rule.connection_id for rule in tier]
