"""Sending invoices and credit notes by mail: what they say as text, and where the PDF is."""

from datetime import timedelta

from sqlalchemy import func, select

from connectpulse.core.api import Refused, Work, audit, mail

from . import entities, pdf
from .tables import Invoice, Mailing

MOST_AN_HOUR = 5
"""How often somebody may have one document mailed within an hour."""


def tell(work: Work, invoice: Invoice) -> None:
    """Mail a document that was just written to the address in the billing details, if there is one and mail is sent."""
    said = entities.buyer(work, invoice.organisation_id)
    if said is not None and said.email and mail.is_sent_here():
        _post(work, invoice, said.email)


def send(work: Work, invoice: Invoice) -> str:
    """Mail a document again; return the address. Raises Refused where there is no address, or no mail is sent."""
    if not mail.is_sent_here():
        raise Refused("This site sends no mail. Download the PDF instead.")
    said = entities.buyer(work, invoice.organisation_id)
    if said is None or not said.email:
        raise Refused("Write an e-mail address in the billing details first.")
    _count(work, invoice)
    _post(work, invoice, said.email)
    audit.record(work, "billing.invoice_mailed", invoice)
    return said.email


def _count(work: Work, invoice: Invoice) -> None:
    """Write down that a document goes out once more; raise Refused where it went out too often of late."""
    work.session.execute(select(Invoice.id).where(Invoice.id == invoice.id).with_for_update())
    lately = select(func.count()).where(
        Mailing.invoice_id == invoice.id, Mailing.created_at > work.clock() - timedelta(hours=1)
    )
    if (work.session.scalar(lately) or 0) >= MOST_AN_HOUR:
        raise Refused(
            f"It was mailed {MOST_AN_HOUR} times within an hour. Look into the mailbox, or download the PDF; "
            "in an hour it can be mailed again."
        )
    row = Mailing(organisation_id=invoice.organisation_id, invoice_id=invoice.id, created_at=work.clock())
    work.session.add(row)
    work.session.flush()


def _post(work: Work, invoice: Invoice, address: str) -> None:
    mail.post(work, address, f"{invoice.title} {invoice.number}", body(invoice))


def body(invoice: Invoice) -> str:
    """Return a document as plain text, with the link to its PDF."""
    said = pdf.document(invoice)
    lines = [f"{each['quantity']} x {each['title']}: {each['net']}" for each in said["lines"]]
    sums = [f"{each['label']}: {each['amount']}" for each in (*said["sums"], said["total"])]
    parts = [
        f"{said['title']} {said['number']} of {said['issued']}",
        f"From {invoice.seller['name']} to {invoice.buyer['name']}",
        "\n".join(lines),
        "\n".join(sums),
        said["reason"] or f"Paid: {said['paid']}",
        f"The PDF is here:\n{mail.address(f'/billing/invoices/show/{invoice.id}')}",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"
