"""Suppressions that providers' answers ask for, written as a set; people's own go through `suppressions`."""

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import text

from . import audit
from .work import Actor, Work

PROVIDER = Actor("provider", "Provider")

Told = tuple[int, str, str, str]
"""Organisation id, channel name, canonical address, and our reason."""


def add(work: Work, told: Sequence[Told]) -> None:
    """Suppress addresses on the channel whose provider said so; known ones stay as they are.

    Who asked to stop asked for no more promotions, as with `suppressions.stop`; other reasons hold for everything.
    """
    if not told:
        return
    organisations, channels, values, reasons = map(list, zip(*sorted(set(told)), strict=True))
    schemes = [work.registry.channel(channel).scheme for channel in channels]
    fresh = work.session.execute(
        text(
            """
            INSERT INTO pulse_suppression (organisation_id, scheme, value, channel, reason, purpose, source)
            SELECT organisation, scheme, value, channel, reason,
                   CASE reason WHEN 'opted_out' THEN 'promotional' ELSE '*' END, 'provider'
            FROM unnest(cast(:organisations AS bigint[]), cast(:schemes AS text[]), cast(:values AS text[]),
                        cast(:channels AS text[]), cast(:reasons AS text[]))
                 AS n (organisation, scheme, value, channel, reason)
            ON CONFLICT DO NOTHING RETURNING id, organisation_id, reason
            """
        ),
        {
            "organisations": organisations,
            "schemes": schemes,
            "values": values,
            "channels": channels,
            "reasons": [_known(reason) for reason in reasons],
        },
    )
    told_by = replace(work, actor=PROVIDER)
    for id, organisation, reason in fresh:
        audit.record_named(told_by, "suppression.created", organisation, "Suppression", id, "", reason=reason)


def add_of_messages(work: Work, told: Sequence[tuple[int, str, int, str]]) -> None:
    """Do as `add` for whom messages went to: organisation id, channel name, message id and reason of each."""
    if not told:
        return
    found = work.session.execute(
        text("SELECT id, address FROM pulse_message WHERE id = ANY(:ids)"), {"ids": [row[2] for row in told]}
    )
    addresses = {row[0]: row[1] for row in found}
    add(
        work,
        [(here, channel, addresses[id], reason) for here, channel, id, reason in told if id in addresses],
    )


def _known(reason: str) -> str:
    """Return one of our suppression reasons for a provider's reason."""
    return reason if reason in ("opted_out", "complained", "objected", "do_not_call") else "undeliverable"
