"""Sending invoices and credit notes by mail: what they say as text, and where the PDF is."""

from connectpulse.core.api import Refused, Work, audit, mail

from . import entities, pdf
from .tables import Invoice


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
    _post(work, invoice, said.email)
    audit.record(work, "billing.invoice_mailed", invoice)
    return said.email


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
        said["reason"] or said["paid"],
        f"The PDF is here:\n{mail.address(f'/billing/invoices/show/{invoice.id}')}",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"
