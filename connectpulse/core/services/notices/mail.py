"""The site's own mail: put in the database with the act that causes it, sent by workers, tried again for a day."""

import smtplib
import ssl
from dataclasses import dataclass
from datetime import timedelta
from email import policy
from email.headerregistry import HeaderRegistry, UnstructuredHeader
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Any, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

import structlog
from sqlalchemy import text

from ...domain.redaction import told
from ...errors import Misconfigured
from ...storage.models import Mail
from ..work import SYSTEM, Opener, Work

log = structlog.get_logger(__name__)

TIMEOUT = 30.0
BATCH = 20
LEASE = timedelta(minutes=5)
MOST_ATTEMPTS = 10


@dataclass(frozen=True, slots=True)
class _Server:
    host: str
    port: int
    user: str
    password: str
    tls: str
    sender: str


class _Whole(UnstructuredHeader):
    """A header on one line: an address in it is neither folded nor encoded, which not every reader undoes."""

    def fold(self, *, policy: Any) -> str:
        return f"List-Unsubscribe: {self}{policy.linesep}"


_registry = HeaderRegistry()
_registry.map_to_type("list-unsubscribe", _Whole)  # type: ignore[arg-type]
_POLICY = policy.default.clone(header_factory=_registry)


class _Site:
    server: _Server | None = None
    public_url: str = ""


def use(url: str, sender: str, public_url: str = "") -> None:
    """Send by the server at `url` from now on, empty for none; raise Misconfigured if it is no such address.

    `public_url` is where links in mails lead.
    """
    _Site.server = _parse(url, sender) if url else None
    _Site.public_url = public_url.rstrip("/")


def _parse(url: str, sender: str) -> _Server:
    parts = urlsplit(url)
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
        raise Misconfigured("MAIL_URL must look like smtp://user:password@host:587 or smtps://host.")
    tls = "implicit" if parts.scheme == "smtps" else parse_qs(parts.query).get("tls", ["starttls"])[0]
    if tls not in ("implicit", "starttls", "none"):
        raise Misconfigured("MAIL_URL: tls must be starttls or none.")
    port = parts.port or (465 if tls == "implicit" else 587)
    return _Server(parts.hostname, port, unquote(parts.username or ""), unquote(parts.password or ""), tls, sender)


def address(path: str) -> str:
    """Return the address of a page of the panel, for a link in a mail."""
    return _Site.public_url + path


def is_sent_here() -> bool:
    """Return whether this site sends mail at all; where it does not, pages show what a mail would say."""
    return _Site.server is not None


def post(work: Work, recipient: str, subject: str, body: str, html: str = "", *, leave: str = "") -> None:
    """Send a mail once this work is committed. `body` is plain text; `html` the same in HTML, if it is worth it.

    `leave` is the address at which one click ends such mail (RFC 8058); none for mail that must be sent.
    """
    row = Mail(
        organisation_id=work.organisation, recipient=recipient[:320], subject=" ".join(subject.split())[:200],
        content={"text": body, "html": html, "leave": leave},
    )  # fmt: skip
    work.session.add(row)
    work.session.flush()


class _Claimed(NamedTuple):
    id: int
    recipient: str
    subject: str
    content: dict[str, str]
    attempts: int


def send_due(open_work: Opener) -> int:
    """Send the mail whose time has come; return how many went out. No session is open meanwhile."""
    server = _Site.server
    if server is None:
        return 0
    with open_work(SYSTEM) as work:
        claimed = _claim(work)
    sent = 0
    for each in claimed:
        error = _send(server, each)
        with open_work(SYSTEM) as work:
            _settle(work, each, error)
        sent += not error
    return sent


def _claim(work: Work) -> list[_Claimed]:
    """Take mail under a lease: a worker that dies leaves it to the next, at worst to be sent once more."""
    rows = work.session.execute(
        text(
            "UPDATE pulse_mail SET attempts = attempts + 1, due_at = now() + :lease WHERE id IN ("
            "SELECT id FROM pulse_mail WHERE state = 'waiting' AND due_at <= now() ORDER BY due_at LIMIT :batch "
            "FOR UPDATE SKIP LOCKED) RETURNING id"
        ),
        {"lease": LEASE, "batch": BATCH},
    )
    wanted = sorted(row[0] for row in rows)
    found = [work.session.get_one(Mail, id) for id in wanted]
    return [_Claimed(row.id, row.recipient, row.subject, row.content or {}, row.attempts) for row in found]


def _send(server: _Server, mail: _Claimed) -> str:
    """Hand a mail over; return why that failed, empty if it did not."""
    message = EmailMessage(_POLICY)
    message["From"], message["To"], message["Subject"] = server.sender, mail.recipient, mail.subject
    message["Date"], message["Message-ID"] = formatdate(), make_msgid(str(mail.id), server.sender.rpartition("@")[2])
    message["Auto-Submitted"] = "auto-generated"
    if mail.content.get("leave"):
        message["List-Unsubscribe"] = f"<{mail.content['leave']}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message.set_content(mail.content.get("text", ""))
    if mail.content.get("html"):
        message.add_alternative(mail.content["html"], subtype="html")
    try:
        with _connected(server) as session:
            session.send_message(message)
    except (OSError, smtplib.SMTPException, ValueError) as error:
        log.warning("mail_not_sent", mail=mail.id, error=type(error).__name__)
        return told(error)
    return ""


def _connected(server: _Server) -> smtplib.SMTP:
    secure = ssl.create_default_context()
    if server.tls == "implicit":
        session: smtplib.SMTP = smtplib.SMTP_SSL(server.host, server.port, timeout=TIMEOUT, context=secure)
    else:
        session = smtplib.SMTP(server.host, server.port, timeout=TIMEOUT)
    try:
        if server.tls == "starttls":
            session.starttls(context=secure)
        if server.user:
            session.login(server.user, server.password)
    except BaseException:
        session.close()
        raise
    return session


def _settle(work: Work, mail: _Claimed, error: str) -> None:
    if not error:
        facts = "state = 'sent', sent_at = now(), content = NULL, error = ''"
    elif mail.attempts >= MOST_ATTEMPTS:
        facts = "state = 'failed', content = NULL, error = :error"
    else:
        facts = "due_at = now() + make_interval(secs => :wait), error = :error"
    work.session.execute(
        text(f"UPDATE pulse_mail SET {facts} WHERE id = :id AND state = 'waiting'"),
        {"id": mail.id, "error": error, "wait": min(30 * 2**mail.attempts, 14_400)},
    )
