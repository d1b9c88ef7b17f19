"""How Twilio proves that a request is its own: an HMAC over the address it called and what it posted.

SHA-1 with the account's token is the rule. Where the account has a webhook rule, the header
`X-Twilio-Webhooks-Signature-Settings` names the algorithm, and the secret is the rule's shared key.
Source: Twilio, Security: validating signatures.
"""

from connectpulse.core.api import Callback, signed_forms


def is_genuine(callback: Callback, auth_token: str, shared_key: str = "") -> bool:
    """Return whether Twilio sent `callback`: signed with the shared key where a rule's header says so."""
    headers = signed_forms.headers_of(callback)
    rule = headers.get("x-twilio-webhooks-signature-settings", "").strip()
    secret, algorithm = (shared_key, _algorithm(rule)) if rule else (auth_token, "HMAC_SHA1")
    return signed_forms.is_signed(callback, headers.get("x-twilio-signature", ""), secret, algorithm)


def _algorithm(rule: str) -> str:
    """Return the algorithm a rule's header names, like `key=…,algorithm=HMAC_SHA256`."""
    named = (part.partition("=") for part in rule.split(","))
    said = (value.strip().upper() for name, _, value in named if name.strip() == "algorithm")
    return next(said, "") or "HMAC_SHA1"
