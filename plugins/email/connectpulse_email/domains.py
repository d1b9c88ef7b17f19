"""Domains that letters are sent from, and the keys that sign them: made, published, used, rotated, retired.

A fresh key waits until its record is in DNS; `use` then signs with it, and the key before retires. Its record should
stay in DNS for some days, for letters that are still under way.
"""

import secrets
from base64 import b64encode
from collections.abc import Sequence
from typing import Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from sqlalchemy import select

from connectpulse.core.api import NotFound, Refused, Work, records

from .letter import SigningKey
from .models import DomainKey
from .senders import normalise, read_sender

WAITING, SIGNING, RETIRED = "waiting", "signing", "retired"
ALGORITHMS: Final = {"rsa": "RSA, 2048 bits", "ed25519": "Ed25519"}
"""Ways to sign, by the word of a key's record; many receivers know only the first."""


def read_domain(value: str) -> str:
    """Return a domain in lower-case ASCII; raise Refused if it is none."""
    try:
        return normalise(f"postmaster@{value.strip().rstrip('.')}").rpartition("@")[2]
    except Refused:
        raise Refused("Domain: write it like acme.example.") from None


def make(work: Work, domain: str, algorithm: str = "rsa") -> DomainKey:
    """Make a key for a domain of the organisation; it waits to be used. Raises Refused for what is no domain."""
    if algorithm not in ALGORITHMS:
        raise Refused(f"Way to sign: choose one of {', '.join(ALGORITHMS)}.")
    name = read_domain(domain)
    if waiting(work, name) is not None:
        raise Refused(f"There is a key for {name} already that waits for its record in DNS.")
    private, public = _pair(algorithm)
    key = DomainKey(
        organisation_id=work.organisation_id,
        domain=name,
        selector=f"cp{work.clock():%Y%m}{secrets.token_hex(3)}",
        algorithm=algorithm,
        public_key=public,
        secrets={"private_key": private},
        state=WAITING,
        changed_at=work.clock(),
    )
    return records.create(work, key, "email.key_made", selector=key.selector)


def rotate(work: Work, domain: str) -> DomainKey:
    """Make the next key of a domain that has one, of the same kind; the one in use signs until `use`."""
    name = read_domain(domain)
    held = [key for key in keys(work) if key.domain == name]
    if not held:
        raise NotFound(f"There is no key for {name}.")
    return make(work, name, held[0].algorithm)


def use(work: Work, key_id: int) -> DomainKey:
    """Sign with a key from now on, and retire the one before; safe to do again."""
    key = records.find(work, DomainKey, key_id, lock=True)
    if key.state == RETIRED:
        raise Refused("This key is retired. Make another one.")
    if key.state == SIGNING:
        return key
    before = work.session.scalars(
        select(DomainKey).where(DomainKey.domain == key.domain, DomainKey.state == SIGNING)
    ).first()
    if before is not None:
        before.state, before.changed_at = RETIRED, work.clock()
        records.update(work, before, "email.key_retired", selector=before.selector)
    key.state, key.changed_at = SIGNING, work.clock()
    return records.update(work, key, "email.key_used", selector=key.selector)


def remove(work: Work, key_id: int) -> None:
    """Forget a key: nothing is signed with it any more."""
    records.delete(work, records.find(work, DomainKey, key_id, lock=True), "email.key_removed")


def keys(work: Work) -> Sequence[DomainKey]:
    """Return the organisation's keys, by domain, the newest of each first."""
    return work.session.scalars(select(DomainKey).order_by(DomainKey.domain, DomainKey.id.desc())).all()


def waiting(work: Work, domain: str) -> DomainKey | None:
    """Return the key of a domain that is not used yet."""
    return work.session.scalars(select(DomainKey).where(DomainKey.domain == domain, DomainKey.state == WAITING)).first()


def keys_for(work: Work, sender: str) -> tuple[SigningKey, ...]:
    """Return what a sender's letters are signed with: the key of its domain or of the next one above, or none."""
    domain = read_sender(sender).domain
    labels = domain.split(".")
    above = [".".join(labels[start:]) for start in range(len(labels) - 1)]
    found = {
        key.domain: key
        for key in work.session.scalars(
            select(DomainKey).where(DomainKey.domain.in_(above), DomainKey.state == SIGNING)
        )
    }
    nearest = next((found[name] for name in above if name in found), None)
    if nearest is None:
        return ()
    return (SigningKey(nearest.domain, nearest.selector, nearest.secrets["private_key"]),)


def record_name(key: DomainKey) -> str:
    """Return the name in DNS at which a key is published."""
    return f"{key.selector}._domainkey.{key.domain}"


def record_value(key: DomainKey) -> str:
    """Return the TXT record of a key (RFC 6376 section 3.6.1)."""
    return f"v=DKIM1; k={key.algorithm}; p={key.public_key}"


def _pair(algorithm: str) -> tuple[str, str]:
    """Return a fresh private key as PEM, and its public one as DNS shows it."""
    if algorithm == "ed25519":
        fresh = ed25519.Ed25519PrivateKey.generate()
        raw = fresh.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        return _pem(fresh), b64encode(raw).decode()
    made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    der = made.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return _pem(made), b64encode(der).decode()


def _pem(key: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
