"""Choosing connections: priority, prefix, sender and weight."""

from collections import Counter

import pytest

from connectpulse.core.domain.routing import RouteRule, chooser


def rule(connection: int, priority: int = 10, weight: int = 1, prefix: str = "", sender: str = "") -> RouteRule:
    return RouteRule(connection, priority, weight, prefix, sender)


@pytest.mark.parametrize(
    ("address", "order"),
    [
        ("+923001234567", (3, 2, 1)),
        ("+923331234567", (2, 1)),
        ("+491701234567", (1,)),
        ("amina@example.org", (1,)),
    ],
)
def test_the_longest_prefix_goes_first_and_the_others_follow(address: str, order: tuple[int, ...]) -> None:
    assert chooser([rule(1), rule(2, prefix="92"), rule(3, prefix="+92300")], "")(address, 0) == order


def test_priority_goes_before_prefix() -> None:
    assert chooser([rule(1, priority=1), rule(2, priority=2, prefix="92300")], "")("+923001234567", 0) == (1, 2)


def test_a_route_for_a_sender_serves_no_other() -> None:
    rules = [rule(1, priority=1, sender="AMINA"), rule(2, priority=2)]
    assert chooser(rules, "AMINA")("+92300", 0) == (1, 2)
    assert chooser(rules, "amina")("+92300", 0) == (2,)


def test_where_nothing_fits_there_is_no_order() -> None:
    assert chooser([], "")("+92300", 0) == ()
    assert chooser([rule(1, prefix="44")], "")("+92300", 0) == ()
    assert chooser([rule(1, weight=0)], "")("+92300", 0) == ()


def test_weights_share_and_the_same_recipient_takes_the_same_way() -> None:
    choose = chooser([rule(1, weight=3), rule(2, weight=1)], "")
    first = Counter(choose("+92300", number)[0] for number in range(400))
    assert first == {1: 300, 2: 100}
    assert choose("+92300", 17) == choose("+92300", 17)
    assert all(set(choose("+92300", number)) == {1, 2} for number in range(8))


def test_a_connection_on_two_routes_is_tried_once() -> None:
    assert chooser([rule(1, prefix="92"), rule(1), rule(2, priority=20)], "")("+92300", 0) == (1, 2)
