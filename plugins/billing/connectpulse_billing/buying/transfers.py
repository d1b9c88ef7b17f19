"""Bank transfers: a proof is uploaded, checked by its content, stored encrypted, and decided by a second person."""

import base64
import hashlib
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import undefer

from connectpulse.core.api import Refused, Work, audit, records

from . import money, payments
from .order_models import Attempt, Proof
from .reach import everywhere, locked
from .states import OPEN, OrderState

LARGEST = 2 * 1024 * 1024
"""Bytes of a proof."""
MOST = 5
"""Proofs of one order."""
_BEGINNINGS = {
    b"%PDF-": ("application/pdf", "pdf"),
    b"\xff\xd8\xff": ("image/jpeg", "jpg"),
    b"\x89PNG\r\n\x1a\n": ("image/png", "png"),
}
EXTENSIONS = dict(_BEGINNINGS.values())


def kind_of(content: bytes) -> str:
    """Return the media type of a proof by what is in it, whatever its name says; raise Refused for others."""
    for beginning, (media_type, _) in _BEGINNINGS.items():
        if content.startswith(beginning):
            return media_type
    raise Refused("Upload the bank's receipt as a PDF, JPEG or PNG file.")


def upload(work: Work, order_id: int, content: bytes) -> Proof:
    """Store a proof that an order was paid by a transfer; raise Refused with what is wrong with it."""
    if not content:
        raise Refused("Choose a file to upload.")
    if len(content) > LARGEST:
        raise Refused("The file is larger than 2 MB. Upload a smaller picture of the receipt.")
    media_type = kind_of(content)
    order = locked(work, order_id)
    if OrderState(order.state) not in OPEN:
        raise Refused("This order is not waiting for a payment.")
    if _bank_attempt(work, order.id) is None:
        raise Refused("Choose to pay by bank transfer first.")
    digest = hashlib.sha256(content).hexdigest()
    known = work.session.execute(select(Proof.digest).where(Proof.order_id == order.id)).scalars().all()
    if digest in known:
        raise Refused("This file was uploaded already.")
    if len(known) >= MOST:
        raise Refused(f"An order takes at most {MOST} files. Write to us if something is missing.")
    row = Proof(
        organisation_id=order.organisation_id, order_id=order.id, media_type=media_type, size=len(content),
        digest=digest, content={"base64": base64.b64encode(content).decode()},
        uploaded_by=work.actor.id if work.actor.kind == "user" else None,
    )  # fmt: skip
    return records.create(work, row, "billing.proof_uploaded", media_type=media_type, size=len(content))


def approve(work: Work, proof_id: int, bank_reference: str, received: Any) -> bool:
    """Accept that the money of a proof is in the account; return whether the order's units were granted for it.

    Whoever approves read `bank_reference` and the sum `received` in the bank's statement, and is neither who
    uploaded the proof nor who placed the order. A bank's reference counts for one order only.
    """
    reference = " ".join(bank_reference.split())[:100]
    if len(reference) < 3:
        raise Refused("Enter the reference of the transfer in the bank's statement.")
    amount = money.number(received, "Sum received", places=2, low=money.CENT, high=money.MOST)
    with everywhere(work, "approve a transfer"):
        proof = _take(work, proof_id)
        order = locked(work, proof.order_id)
        if work.actor.kind != "user" or work.actor.id in (None, proof.uploaded_by, order.placed_by):
            raise Refused("Whoever ordered or uploaded cannot approve: this needs a second person.")
        attempt = _bank_attempt(work, order.id)
        if attempt is None:
            raise Refused("No transfer is expected for this order any more.")
        if amount != order.total:
            due = money.shown(order.total, order.currency)
            raise Refused(f"The order is for {due}. Refuse the proof, and say what is missing.")
        try:
            with work.session.begin_nested():
                proof.bank_reference = reference
                _decide(work, proof, "approved", "")
        except IntegrityError:
            raise Refused("A transfer with this reference was approved for another order already.") from None
        audit.record(work, "billing.proof_approved", proof, amount=amount)
        return payments.settle(work, attempt.id, reference, amount, order.currency)


def refuse(work: Work, proof_id: int, why: str) -> None:
    """Refuse a proof; whoever uploaded it reads why, and may upload another."""
    if not why.strip():
        raise Refused("Say why: whoever uploaded it reads it.")
    with everywhere(work, "refuse a transfer"):
        proof = _take(work, proof_id)
        _decide(work, proof, "refused", why.strip()[:300])
        audit.record(work, "billing.proof_refused", proof)


def content(work: Work, proof_id: int) -> tuple[bytes, str, str]:
    """Return the file of a proof, its media type and a name to save it under; that it was read is written down."""
    with everywhere(work, "look at a proof"):
        wanted = select(Proof).where(Proof.id == proof_id).options(undefer(Proof.content))
        proof = work.session.scalars(wanted).one_or_none()
        if proof is None or not proof.content:
            raise Refused("This file is not kept any more.")
        audit.record(work, "billing.proof_read", proof)
        name = f"proof-{proof.id}.{EXTENSIONS[proof.media_type]}"
        return base64.b64decode(proof.content["base64"]), proof.media_type, name


def of(work: Work, order_id: int) -> Sequence[Proof]:
    """Return the proofs of an order, the oldest first."""
    return work.session.scalars(select(Proof).where(Proof.order_id == order_id).order_by(Proof.id)).all()


def _take(work: Work, proof_id: int) -> Proof:
    proof = records.find(work, Proof, proof_id, lock=True)
    if proof.state != "waiting":
        raise Refused("This was decided already.")
    return proof


def _decide(work: Work, proof: Proof, state: str, answer: str) -> None:
    proof.state, proof.answer = state, answer
    proof.decided_by, proof.decided_at = work.actor.id, work.clock()
    work.session.flush()


def _bank_attempt(work: Work, order_id: int) -> Attempt | None:
    wanted = select(Attempt).where(Attempt.order_id == order_id, Attempt.gateway == "bank", Attempt.state == "open")
    return work.session.scalars(wanted.order_by(Attempt.id.desc()).limit(1)).one_or_none()
