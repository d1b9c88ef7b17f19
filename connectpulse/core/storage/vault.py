"""Encryption of stored credentials: Fernet with rotatable keys, readable only while the process runs."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from ..errors import Misconfigured


class Vault:
    """Encrypts small JSON values. The first key encrypts; every key decrypts."""

    def __init__(self, keys: Sequence[str]) -> None:
        try:
            self._fernet = MultiFernet([Fernet(key) for key in keys])
        except ValueError:
            raise Misconfigured(
                "ENCRYPTION_KEYS must be Fernet keys, comma-separated. `connectpulse keys` prints one."
            ) from None

    def lock(self, values: Mapping[str, Any]) -> bytes:
        """Return `values` encrypted."""
        return self._fernet.encrypt(json.dumps(dict(values)).encode())

    def unlock(self, sealed: bytes | None) -> dict[str, Any]:
        """Return the values of `sealed`; raise Misconfigured if no present key fits."""
        if not sealed:
            return {}
        try:
            values: dict[str, Any] = json.loads(self._fernet.decrypt(sealed))
        except InvalidToken:
            raise Misconfigured(
                "A stored credential cannot be decrypted: its key is missing from ENCRYPTION_KEYS. "
                "Put the old key back at the end of the list, or enter the credential again."
            ) from None
        return values

    def rotate(self, sealed: bytes) -> bytes:
        """Return `sealed` encrypted anew under the first key."""
        try:
            return self._fernet.rotate(sealed)
        except InvalidToken:
            raise Misconfigured(
                "A stored credential cannot be decrypted with any of ENCRYPTION_KEYS."
            ) from None
