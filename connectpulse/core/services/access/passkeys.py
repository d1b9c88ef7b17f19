"""Passkeys (WebAuthn level 2): registered by who is signed in, used alone or as the second factor.

The site's name for passkeys (its rp id) is the host of PUBLIC_URL; browsers accept no bare address there.
"""

from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import webauthn
from sqlalchemy import delete, select
from webauthn.helpers import base64url_to_bytes, options_to_json_dict
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from ...errors import Refused
from ...storage.models import Challenge, Passkey
from .. import audit
from ..work import Work
from . import factors, people, telling, tokens
from .people import Person

VALID = timedelta(minutes=5)
MOST = 20
ADD, ALONE, SECOND = "add", "alone", "second"


@dataclass(frozen=True, slots=True)
class Site:
    """What a passkey is bound to: the host, and the origin pages come from."""

    host: str
    origin: str


def site_of(public_url: str) -> Site | None:
    """Return what passkeys of this site are bound to; None where browsers allow none."""
    parts = urlsplit(public_url)
    host = parts.hostname or ""
    try:
        ip_address(host)
    except ValueError:
        is_safe = parts.scheme == "https" or host == "localhost" or host.endswith(".localhost")
        return Site(host, f"{parts.scheme}://{parts.netloc}") if host and is_safe else None
    return None


def of(work: Work, user_id: int) -> list[Passkey]:
    """Return the passkeys of an account."""
    return list(work.session.scalars(select(Passkey).where(Passkey.user_id == user_id).order_by(Passkey.id)))


def offer(work: Work, site: Site, person: Person) -> tuple[int, dict[str, Any]]:
    """Return a challenge's id and what the browser needs to make a new passkey."""
    held = [PublicKeyCredentialDescriptor(id=each.webauthn_id) for each in of(work, person.id)]
    if len(held) >= MOST:
        raise Refused(f"An account has at most {MOST} passkeys. Remove one first.")
    options = webauthn.generate_registration_options(
        rp_id=site.host, rp_name=factors.ISSUER, user_name=person.email, user_display_name=person.name,
        user_id=_handle(person.id), exclude_credentials=held,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
        ),
    )  # fmt: skip
    return _keep(work, options.challenge, ADD, person.id), options_to_json_dict(options)


def add(work: Work, site: Site, person: Person, challenge_id: int, answer: dict[str, Any], name: str) -> Passkey:
    """Register the passkey a browser made; raise Refused if its answer does not fit the challenge."""
    word = _spend(work, challenge_id, ADD, person.id)
    try:
        made = webauthn.verify_registration_response(
            credential=answer, expected_challenge=word, expected_rp_id=site.host, expected_origin=site.origin,
            require_user_verification=True,
        )  # fmt: skip
    except (WebAuthnException, ValueError, KeyError, TypeError):
        raise Refused("The browser's answer does not fit. Try again.") from None
    taken = select(Passkey.id).where(Passkey.webauthn_id == made.credential_id)
    if work.session.scalar(taken) is not None:
        raise Refused("This passkey is in use already.")
    row = Passkey(
        user_id=person.id, webauthn_id=made.credential_id, public_key=made.credential_public_key,
        sign_count=made.sign_count, name=" ".join(name.split())[:60] or "Passkey", created_at=work.clock(),
    )  # fmt: skip
    work.session.add(row)
    work.session.flush()
    audit.record_named(work, "user.passkey_added", None, "User", person.id, person.username, passkey=row.name)
    telling.tell_of_change(work, person, "A passkey was added")
    return row


def remove(work: Work, person: Person, passkey_id: int) -> None:
    """Take a passkey of an account away; raise Refused if it has none like that."""
    gone = work.session.execute(
        delete(Passkey).where(Passkey.id == passkey_id, Passkey.user_id == person.id).returning(Passkey.name)
    ).scalar_one_or_none()
    if gone is None:
        raise Refused("This passkey is gone already.")
    audit.record_named(work, "user.passkey_removed", None, "User", person.id, person.username, passkey=gone)
    telling.tell_of_change(work, person, "A passkey was removed")
    factors.forget_codes_without_factor(work, person)


def ask(work: Work, site: Site, user_id: int | None = None) -> tuple[int, dict[str, Any]]:
    """Return a challenge's id and what the browser needs to use a passkey: any of the site, or one of `user_id`."""
    held = [PublicKeyCredentialDescriptor(id=each.webauthn_id) for each in of(work, user_id)] if user_id else []
    verification = UserVerificationRequirement.PREFERRED if user_id else UserVerificationRequirement.REQUIRED
    options = webauthn.generate_authentication_options(
        rp_id=site.host, allow_credentials=held, user_verification=verification
    )
    return _keep(work, options.challenge, SECOND if user_id else ALONE, user_id), options_to_json_dict(options)


def prove(
    work: Work, site: Site, challenge_id: int, answer: dict[str, Any], user_id: int | None = None
) -> Person | None:
    """Return whose passkey signed the challenge, None if nobody's did.

    Without `user_id` the passkey stands alone, so that its device must have verified its person (PIN, finger).
    """
    word = _spend(work, challenge_id, SECOND if user_id else ALONE, user_id)
    try:
        credential_id = base64url_to_bytes(str(answer.get("id", "")))
        row = work.session.scalars(
            select(Passkey).where(Passkey.webauthn_id == credential_id).with_for_update()
        ).one_or_none()
        if row is None or (user_id is not None and row.user_id != user_id):
            return None
        proven = webauthn.verify_authentication_response(
            credential=answer, expected_challenge=word, expected_rp_id=site.host, expected_origin=site.origin,
            credential_public_key=row.public_key, credential_current_sign_count=row.sign_count,
            require_user_verification=user_id is None,
        )  # fmt: skip
    except (WebAuthnException, ValueError, KeyError, TypeError):
        return None
    row.sign_count, row.used_at = proven.new_sign_count, work.clock()
    work.session.flush()
    return people.by_id(work, row.user_id)


def _handle(user_id: int) -> bytes:
    """Return what a passkey calls its account; it says nothing about the person."""
    return tokens.keyed("passkey handles", str(user_id))


def _keep(work: Work, word: bytes, purpose: str, user_id: int | None) -> int:
    row = Challenge(user_id=user_id, word=word, purpose=purpose, expires_at=work.clock() + VALID)
    work.session.add(row)
    work.session.flush()
    return row.id


def _spend(work: Work, challenge_id: int, purpose: str, user_id: int | None) -> bytes:
    """Return a challenge's word and forget it, so that it is signed once; raise Refused if it is over."""
    word = work.session.execute(
        delete(Challenge)
        .where(
            Challenge.id == challenge_id, Challenge.purpose == purpose, Challenge.expires_at > work.clock(),
            Challenge.user_id.is_not_distinct_from(user_id),
        )
        .returning(Challenge.word)
    ).scalar_one_or_none()  # fmt: skip
    if word is None:
        raise Refused("This took too long, or was done already. Try again.")
    return bytes(word)
