"""Who a request is about, kept with it between the tables and the archives: the tables do not know it any more.

Encrypted under the key of trust (AES-256-GCM, the request's number as additional data), and gone before freed pages
are cleared. A backup made in between tells nobody who it was, and what is left to do is done after a restore.
"""

import json
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ...domain.retention import Subject
from ...errors import Refused
from ...storage.trust import canonical, trust

_NONCE = 12


def shut(request_id: int, subject: Subject) -> str:
    """Return a person as text that only this site can read, and only for this request."""
    told = [subject.organisation_id, [list(each) for each in subject.addresses], list(subject.contact_ids)]
    nonce = secrets.token_bytes(_NONCE)
    lists = [list(each) for each in (subject.names, subject.requests, subject.memberships, subject.homes)]
    plain = canonical({"subject": [*told, subject.user_id, *lists, subject.username]})
    return (nonce + _cipher().encrypt(nonce, plain, str(request_id).encode())).hex()


def opened(request_id: int, text: str) -> Subject:
    """Return the person again; raise Refused if the text was changed, or is another request's."""
    content = bytes.fromhex(text)
    try:
        plain = _cipher().decrypt(content[:_NONCE], content[_NONCE:], str(request_id).encode())
    except InvalidTag:
        raise Refused("Who the request is about cannot be read: TRUST_KEY is not the one it was kept with.") from None
    home, addresses, contacts, user_id, *more = json.loads(plain)["subject"]
    known = tuple((scheme, value) for scheme, value in addresses)
    names, requests, memberships, homes = (tuple(each) for each in [*more[:4], *[()] * 4][:4])
    return Subject(home, known, tuple(contacts), user_id, names, requests, memberships, homes, "".join(more[4:]))


def _cipher() -> AESGCM:
    return AESGCM(trust.key("carried requests"))
