"""Vouchers: a code that is worth units, once per organisation, so many times in all. Only its hash is kept.

A code has 79 random bits, so that its hash needs no key and cannot be searched for.
"""

import hashlib
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import or_, select, update
from sqlalchemy.dialects.postgresql import insert

from connectpulse.core.api import Refused, Work, audit, records

from ..ledger import grants
from . import money
from .models import Redemption, Voucher

_LETTERS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
_LENGTH = 16
WRONG = "This code is not valid: it may be mistyped, used up, or past its time."


def make(work: Work, values: Mapping[str, Any]) -> tuple[Voucher, str]:
    """Make a voucher; return it with its code, which is shown this once and cannot be read again."""
    expires_on = values["expires_on"]
    if expires_on is not None and expires_on < work.clock().date():
        raise Refused("The last day lies in the past.")
    code = "".join(secrets.choice(_LETTERS) for _ in range(_LENGTH))
    row = Voucher(
        name=" ".join(str(values["name"]).split()), code_hash=_hash(code), hint=code[-4:],
        units=money.number(values["units"], "Units", places=4, low=money.UNIT, high=money.MOST_UNITS),
        most_uses=values["most_uses"], units_expire_days=values["units_expire_days"],
        expires_at=_end_of(expires_on) if expires_on is not None else None,
    )  # fmt: skip
    return records.create(work, row, "billing.voucher_made"), "-".join(code[n : n + 4] for n in range(0, _LENGTH, 4))


def close(work: Work, voucher: Voucher) -> None:
    """Let nobody use a voucher any more; what was granted stays."""
    voucher.is_open = False
    records.update(work, voucher, "billing.voucher_closed")


def redeem(work: Work, typed: str) -> Decimal:
    """Grant the units of a code to the work's organisation; return how many.

    Raises Refused for a code that is wrong, used up, over, or used here before. The count of uses is taken by
    one conditional update and the organisation's use by a unique key: no race grants more than the limits say.
    """
    code = "".join(each for each in typed.upper() if each.isalnum())
    wanted = select(Voucher).where(Voucher.code_hash == _hash(code))
    voucher = work.session.scalars(wanted).one_or_none() if len(code) == _LENGTH else None
    if voucher is None:
        raise Refused(WRONG)
    mine = insert(Redemption).values(
        voucher_id=voucher.id, organisation_id=work.organisation_id, units=voucher.units,
        user_id=work.actor.id if work.actor.kind == "user" else None,
    )  # fmt: skip
    fresh = work.session.execute(mine.on_conflict_do_nothing().returning(Redemption.id)).scalar_one_or_none()
    if fresh is None:
        raise Refused("Your organisation has used this code already.")
    taken = update(Voucher).where(
        Voucher.id == voucher.id,
        Voucher.is_open,
        Voucher.uses < Voucher.most_uses,
        or_(Voucher.expires_at.is_(None), Voucher.expires_at > work.clock()),
    )
    if work.session.execute(taken.values(uses=Voucher.uses + 1).returning(Voucher.id)).scalar_one_or_none() is None:
        raise Refused(WRONG)
    days = voucher.units_expire_days
    grants.grant(
        work, work.organisation_id, voucher.units, "voucher", str(fresh),
        expires_at=work.clock() + timedelta(days=days) if days else None, reason=voucher.name,
    )  # fmt: skip
    audit.record(work, "billing.voucher_redeemed", voucher, units=str(voucher.units), organisation=work.organisation_id)
    return voucher.units


def _hash(code: str) -> str:
    return hashlib.sha256(b"voucher:" + code.encode()).hexdigest()


def _end_of(day: Any) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1)
