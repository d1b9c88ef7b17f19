"""Suppressions that providers' answers ask for: refusals as a set, people's own wishes through `suppressions`."""

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import text

from . import audit, suppressions
from .work import Actor, Work, entered

PROVIDER = Actor("provider", "Provider")

Told = tuple[int, str, str, str]
"""Organisation id, channel name, canonical address, and our reason."""


def add(work: Work, told: Sequence[Told]) -> None:
    """Suppress addresses on the channel whose provider said so; known ones stay as they are.

    Who asked to stop is heard as if they had written to us: see `suppressions.stop`. Other reasons hold for everything.
    """
    wanted = sorted(set(told))
    _stop(work, [each for each in wanted if each[3] == suppressions.OPTED_OUT])
    _bar(work, [each for each in wanted if each[3] != suppressions.OPTED_OUT])


def _stop(work: Work, told: Sequence[Told]) -> None:
    told_by = replace(work, actor=PROVIDER)
    for organisation, channel, value, _ in told:
        with entered(told_by, organisation):
            suppressions.stop(told_by, work.registry.channel(channel), value, source="provider")


def _bar(work: Work, told: Sequence[Told]) -> None:
    if not told:
        return
    organisations, channels, values, reasons = map(list, zip(*told, strict=True))
    schemes = [work.registry.channel(channel).scheme for channel in channels]
    fresh = work.session.execute(
        text(
            """
            INSERT INTO pulse_suppression (organisation_id, scheme, value, channel, reason, purpose, source)
            SELECT organisation, scheme, value, channel, reason, '*', 'provider'
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
    return reason if reason in ("complained", "objected", "do_not_call") else "undeliverable"
