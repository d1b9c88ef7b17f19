"""Handing a copy over: it lies encrypted in the archive store, and one link opens it once, within seven days."""

import hashlib
import os
import secrets
import time
from base64 import b64decode, b64encode
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import select, text, update

from ...domain.rights import State
from ...errors import NotFound, Refused
from ...storage.models import SubjectPackage, SubjectRequest
from ...storage.stores import places
from .. import audit
from ..action_log import denials
from ..notices import mail
from ..work import SYSTEM, Actor, Opener, Work
from . import intake, links, telling

FOLDER = "packages"
GOOD_FOR = timedelta(days=7)
_NONCE = 12
SWEEP_EVERY = 3600.0
ORPHANED = timedelta(hours=1)
"""How old an object without a row must be before it is taken for one whose making was interrupted."""


class Sealed(NamedTuple):
    """A copy as it is stored: its name, its encrypted bytes, its key, and the digest and size of the copy itself."""

    name: str
    content: bytes
    key: str
    digest: str
    size: int


def seal(package: bytes) -> Sealed:
    """Return a copy encrypted under a key of its own (AES-256-GCM)."""
    name, key, nonce = f"{FOLDER}/{secrets.token_hex(16)}.bin", AESGCM.generate_key(256), os.urandom(_NONCE)
    content = nonce + AESGCM(key).encrypt(nonce, package, name.encode())
    return Sealed(name, content, b64encode(key).decode(), hashlib.sha256(package).hexdigest(), len(package))


def keep(work: Work, request: SubjectRequest, made: Sealed) -> SubjectPackage:
    """Write down where a copy lies, and mail its link to the person where that is possible."""
    package = SubjectPackage(
        organisation_id=request.organisation_id, request_id=request.id, name=made.name, digest=made.digest,
        size=made.size, secret={"key": made.key}, token_hash="", expires_at=work.clock() + GOOD_FOR,
    )  # fmt: skip
    token = _renew(package)
    work.session.add(package)
    work.session.flush()
    if is_mailed(request):
        telling.package(work, request, token)
    return package


def is_mailed(request: SubjectRequest) -> bool:
    """Return whether the link goes to the person by mail; else they or an operator fetch it from a page."""
    return request.scheme == "email" and mail.is_sent_here()


def _renew(package: SubjectPackage) -> str:
    token = links.token()
    package.token_hash = links.hashed("package", token)
    return token


def ready(work: Work, request_id: int, *, lock: bool = False) -> SubjectPackage | None:
    """Return the copy of a request that was not fetched yet."""
    wanted = select(SubjectPackage).where(
        SubjectPackage.request_id == request_id,
        SubjectPackage.state == "ready",
        SubjectPackage.expires_at > work.clock(),
    )
    wanted = wanted.order_by(SubjectPackage.id.desc()).limit(1)
    return work.session.scalars(wanted.with_for_update() if lock else wanted).one_or_none()


def fresh_link(work: Work, request_id: int) -> str:
    """Return a new link to a copy, to be shown once; the one before it does not work any more."""
    request = intake.find(work, request_id)
    package = ready(work, request_id, lock=True)
    if package is None:
        raise Refused("There is no copy to be fetched: it was fetched, or its seven days are over.")
    token = _renew(package)
    intake.record(work, "subject_request.link_made", request)
    return links.package_url(token)


def again(work: Work, request_id: int) -> None:
    """Make another copy for a request whose copy was lost or not fetched in time."""
    request = intake.find(work, request_id, lock=True)
    if request.kind != "access" or request.state != State.DONE:
        raise Refused("Only a request for a copy that was answered before can be answered again.")
    if ready(work, request_id) is not None:
        raise Refused("There is a copy to be fetched already.")
    request.state, request.stage = State.APPROVED, "begun"
    intake.record(work, "subject_request.copied_again", request)


def look(open_work: Opener, token: str, visitor: Actor) -> bool:
    """Return whether a link still opens something; a link that does not leaves a trace."""
    with open_work(visitor) as work:
        is_good = _of(work, token) is not None
    if not is_good:
        refused(open_work, visitor, token)
    return is_good


def fetch(open_work: Opener, token: str, visitor: Actor) -> tuple[str, bytes]:
    """Return a copy's file name and bytes, once; raise NotFound for a link that is wrong, used or expired.

    Of two at the same time one gets it. The copy is deleted afterwards.
    """
    with open_work(visitor) as work:
        package = _of(work, token)
        place = (package.id, package.name, (package.secret or {}).get("key", "")) if package is not None else None
    if place is None:
        refused(open_work, visitor, token)
        raise NotFound("This link was used already, is older than seven days, or is not one of ours.")
    package_id, name, key = place
    content = _open(name, key)
    with open_work(visitor) as work:
        is_first = _spend(work, package_id)
    if not is_first:
        refused(open_work, visitor, token)
        raise NotFound("This link was used already.")
    places.archive.delete(name)
    return f"your-data-{package_id}.zip", content


def _of(work: Work, token: str) -> SubjectPackage | None:
    wanted = select(SubjectPackage).where(
        SubjectPackage.token_hash == links.hashed("package", token[:100]),
        SubjectPackage.state == "ready",
        SubjectPackage.expires_at > work.clock(),
    )
    return work.session.scalars(wanted).one_or_none()


def _open(name: str, key: str) -> bytes:
    content = places.archive.get(name)
    try:
        return AESGCM(b64decode(key)).decrypt(content[:_NONCE], content[_NONCE:], name.encode())
    except (InvalidTag, ValueError):
        raise Refused("The copy was damaged where it lies. Ask for another one.") from None


def _spend(work: Work, package_id: int) -> bool:
    """Use a link up; return False if somebody else just did."""
    row = work.session.execute(
        update(SubjectPackage)
        .where(SubjectPackage.id == package_id, SubjectPackage.state == "ready")
        .values(state="fetched", fetched_at=work.clock(), secret=None)
        .returning(SubjectPackage.organisation_id, SubjectPackage.request_id),
        execution_options={"synchronize_session": False},
    ).one_or_none()
    if row is None:
        return False
    audit.record_named(work, "subject_request.fetched", row[0], "SubjectRequest", row[1], f"request {row[1]}")
    return True


def refused(open_work: Opener, visitor: Actor, token: str) -> None:
    """Write down that a link did not open anything, and whose it was if it ever was one.

    Anybody can try links, so only so many entries a minute are written; the others are counted.
    """
    with open_work(visitor) as work:
        known = work.session.execute(
            select(SubjectPackage.organisation_id, SubjectPackage.request_id, SubjectPackage.state).where(
                SubjectPackage.token_hash == links.hashed("package", token[:100])
            )
        ).one_or_none()
    home, request_id, state = known if known is not None else (None, "", "unknown")
    why = "expired" if state == "ready" else state
    name = f"request {request_id}" if request_id else "a link nobody made"
    denials.note(
        open_work, visitor, home, "subject_request.link_refused", "SubjectRequest", request_id, name, reason=why
    )


class _Swept:
    """When this process looks for copies to delete again; listing a store costs too much for every few seconds."""

    next_at = 0.0


def sweep_hourly(open_work: Opener) -> int:
    """Do `sweep` if this process has not done it for an hour."""
    if time.monotonic() < _Swept.next_at:
        return 0
    _Swept.next_at = time.monotonic() + SWEEP_EVERY
    return sweep(open_work)


def sweep(open_work: Opener) -> int:
    """Delete copies nobody fetched in time, and objects whose making was interrupted; return how many."""
    with open_work(SYSTEM) as work:
        over = work.session.execute(
            update(SubjectPackage)
            .where(SubjectPackage.state == "ready", SubjectPackage.expires_at <= work.clock())
            .values(state="expired", secret=None)
            .returning(SubjectPackage.name, SubjectPackage.organisation_id, SubjectPackage.request_id),
            execution_options={"synchronize_session": False},
        ).all()
        names = [row[0] for row in over]
        for _, home, id in over:
            audit.record_named(work, "subject_request.copy_expired", home, "SubjectRequest", id, f"request {id}")
        alive = set(work.session.scalars(select(SubjectPackage.name).where(SubjectPackage.state == "ready")))
        now = work.session.scalar(text("SELECT now()"))
    store = places.archive
    names += [
        each.name
        for each in store.entries(FOLDER)
        if each.name not in alive and now is not None and now - each.modified_at > ORPHANED
    ]
    for name in dict.fromkeys(names):
        store.delete(name)
    return len(set(names))


def facts(package: SubjectPackage) -> Mapping[str, Any]:
    """Return what the certificate says of a copy."""
    return {"digest": package.digest, "size": package.size, "until": package.expires_at.isoformat(timespec="seconds")}
