"""The audience of a campaign, page by page in contact order, and what is decided about each recipient.

An address belongs to one contact per organisation, so a person who is on several lists is one row here.
Each page costs the same, however large the audience: every list is entered at the cursor.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from psycopg.rows import tuple_row

from ..domain.contracts import Rendered, Unpriced
from ..domain.pricing import Price
from ..domain.routing import Order
from ..errors import Refused
from ..storage import arrays
from ..storage.session import raw
from . import addresses
from .plans import Plan
from .work import Work

SKIPS = {
    "no_address": "No address for this channel",
    "restricted": "Processing is restricted",
    "opted_out": "Asked to stop",
    "complained": "Complained before",
    "undeliverable": "Known not to exist",
    "objected": "Objected to this use",
    "do_not_call": "On a do-not-call register",
    "erased": "Asked to be erased",
    "operator": "Suppressed by an administrator",
    "no_consent": "Has not agreed to this",
    "no_recent_message": "Has not written to us lately",
    "missing_value": "A value the text needs is missing",
    "not_rendered": "The text cannot be made for this recipient",
    "unpriced": "No price for this destination",
    "no_route": "No connection serves this destination",
}
"""Why a recipient is left out, in words."""


FREE = Price(Decimal(0))
"""What somebody costs who gets nothing."""


class Decision(NamedTuple):
    """What happens for one contact: a message over `order`, or nothing and the reason `skip`."""

    contact_id: int
    address: str
    skip: str = ""
    rendered: Rendered | None = None
    price: Price = FREE
    order: Order = ()
    zone: str | None = None
    missing: tuple[str, ...] = ()
    prefix: str = ""


_ON_LISTS = """
    SELECT DISTINCT x.contact_id
    FROM unnest(%(lists)s::bigint[]) AS list (id)
    CROSS JOIN LATERAL (
        SELECT m.contact_id FROM pulse_list_member m
        WHERE m.list_id = list.id AND m.contact_id > %(cursor)s
        ORDER BY m.contact_id LIMIT %(limit)s) x
    ORDER BY 1 LIMIT %(limit)s"""
_THESE = "SELECT unnest(%(contacts)s::bigint[]) AS contact_id"
_PAGE = """
WITH member AS ({members})
SELECT {excluded} AS is_excluded, c.id, a.value, c.timezone, c.restricted_at IS NOT NULL, {suppression},
       {consent} AS has_consent, {recent} AS wrote_lately, c.name {fields}
FROM member JOIN pulse_contact c ON c.id = member.contact_id
LEFT JOIN LATERAL (
    SELECT value FROM pulse_address WHERE contact_id = c.id AND scheme = %(scheme)s
    ORDER BY position, id LIMIT 1) a ON true
LEFT JOIN LATERAL (
    SELECT reason FROM pulse_suppression
    WHERE organisation_id = %(organisation)s AND scheme = %(scheme)s AND value = a.value
      AND channel IN ('*', %(channel)s) AND purpose IN ('*', %(purpose)s) LIMIT 1) s ON true
WHERE c.organisation_id = %(organisation)s
ORDER BY c.id
"""

_WILL = """coalesce(s.reason, (
    SELECT o.reason FROM pulse_address x JOIN pulse_suppression o
        ON o.organisation_id = x.organisation_id AND o.scheme = x.scheme AND o.value = x.value
    WHERE x.contact_id = c.id AND o.channel = '*' AND o.purpose IN ('*', %(purpose)s)
      AND o.reason IN ('opted_out', 'complained', 'objected', 'erased') LIMIT 1))"""
"""Who asked for no more messages on any channel is not written to on the next one instead."""
_CONSENT = """EXISTS (
    SELECT 1 FROM pulse_consent WHERE organisation_id = %(organisation)s AND scheme = %(scheme)s
    AND value = a.value AND channel IN ('*', %(channel)s) AND purpose IN ('*', %(purpose)s))"""
_RECENT = """EXISTS (
    SELECT 1 FROM pulse_inbound WHERE organisation_id = %(organisation)s AND address = a.value
    AND channel = %(channel)s AND received_at > %(since)s AND ltrim(recipient, '+') = ltrim(%(sender)s, '+'))"""
_EXCLUDED = """EXISTS (
    SELECT 1 FROM pulse_list_member WHERE list_id = ANY(%(excluded)s) AND contact_id = c.id)"""


def page(work: Work, plan: Plan, cursor: int, limit: int) -> list[tuple[Any, ...]]:
    """Return the next contacts of the audience after `cursor`, with what decides about them.

    A row's second column is the contact's id, the cursor of the next page.
    """
    excluded = _EXCLUDED if plan.excluded else "false"
    facts = {"lists": plan.lists, "excluded": plan.excluded, "cursor": cursor, "limit": limit}
    return _read(work, plan, _ON_LISTS, excluded, facts)


def of(work: Work, plan: Plan, contact_ids: Sequence[int]) -> list[tuple[Any, ...]]:
    """Return rows like those of `page` for these contacts; whoever is gone is missing."""
    return _read(work, plan, _THESE, "false", {"contacts": arrays.ints(contact_ids)})


def _read(work: Work, plan: Plan, members: str, excluded: str, facts: dict[str, Any]) -> list[tuple[Any, ...]]:
    recent = plan.needs.recent_inbound
    query = _PAGE.format(
        members=members,
        suppression=_WILL if plan.has_fallbacks else "s.reason",
        consent=_CONSENT if plan.needs.opt_in else "true",
        recent=_RECENT if recent is not None else "true",
        excluded=excluded,
        fields="".join(f", c.fields ->> %(field{number})s" for number in range(len(plan.names))),
    )
    facts |= {
        "organisation": plan.organisation_id,
        "scheme": plan.channel.scheme,
        "channel": plan.channel.name,
        "purpose": plan.purpose.value,
        "sender": plan.sender,
        "since": plan.now - recent if recent is not None else None,
    } | {f"field{number}": name for number, name in enumerate(plan.names)}
    with raw(work.session).cursor(row_factory=tuple_row, binary=True) as rows:
        return rows.execute(query, facts).fetchall()


class Start(NamedTuple):
    """Where a recipient begins: the plan that may carry them first, and what it decided."""

    plan: Plan
    decision: Decision


def begin(work: Work, plans: Sequence[Plan], rows: Sequence[tuple[Any, ...]]) -> list[Start]:
    """Return where each recipient of a page begins: at the first plan that may carry them, else at the first of all."""
    first, *others = plans
    found = {each.contact_id: Start(first, each) for each in decide(first, rows)}
    for plan in others:
        left = [contact for contact, start in found.items() if start.decision.rendered is None]
        if not left:
            break
        ready = [each for each in decide(plan, of(work, plan, left)) if each.rendered is not None]
        found |= {each.contact_id: Start(plan, each) for each in ready}
    return list(found.values())


class Later(NamedTuple):
    """Somebody who may be carried by a fallback: who begins there, or who may come to it."""

    fallback: int
    decision: Decision
    is_beginning: bool


def weigh(work: Work, plans: Sequence[Plan], rows: Sequence[tuple[Any, ...]]) -> tuple[list[Decision], list[Later]]:
    """Return the decision each recipient of a page begins with, and whom the fallbacks may carry."""
    starts = begin(work, plans, rows)
    begun = {start.decision.contact_id: start.plan.fallback for start in starts if start.decision.rendered is not None}
    later = []
    for plan in plans[1:]:
        able = [each for each in decide(plan, of(work, plan, list(begun))) if each.rendered is not None]
        later += [
            Later(plan.fallback, each, begun[each.contact_id] == plan.fallback)
            for each in able
            if begun[each.contact_id] <= plan.fallback
        ]
    return [start.decision for start in starts], later


def decide(plan: Plan, rows: Sequence[tuple[Any, ...]]) -> list[Decision]:
    """Return a decision per row; excluded contacts are not recipients and get none."""
    return [_decide(plan, row) for row in rows if not row[0]]


def _decide(plan: Plan, row: tuple[Any, ...]) -> Decision:
    _, contact_id, address, zone, is_restricted, suppression, has_consent, wrote_lately, name, *fields = row
    skip = _obstacle(address, is_restricted, suppression, has_consent, wrote_lately)
    if skip:
        return Decision(contact_id, address or "", skip)
    values = dict(zip(plan.names, fields, strict=True)) if fields else {}
    values["name"] = name
    values["first_name"] = name.partition(" ")[0]
    if plan.required:
        missing = tuple([each for each in plan.required if not values.get(each)])
        if missing:
            return Decision(contact_id, address, "missing_value", missing=missing)
    try:
        rendered = plan.render(values)
        price = plan.price(address, rendered.measure)
    except Refused:
        return Decision(contact_id, address, "not_rendered")
    except Unpriced as gap:
        return Decision(contact_id, address, "unpriced", prefix=gap.prefix)
    order = plan.choose(address, contact_id)
    if not order:
        return Decision(contact_id, address, "no_route")
    if plan.window is None:
        zone = None
    elif not zone:
        zone = addresses.zone(plan.channel.scheme, address) or plan.zone.key
    return Decision(contact_id, address, "", rendered, price, order, zone)


def _obstacle(
    address: str | None, is_restricted: bool, suppression: str | None, has_consent: bool, wrote_lately: bool
) -> str:
    if not address:
        return "no_address"
    if is_restricted:
        return "restricted"
    if suppression:
        return suppression
    if not has_consent:
        return "no_consent"
    return "" if wrote_lately else "no_recent_message"
