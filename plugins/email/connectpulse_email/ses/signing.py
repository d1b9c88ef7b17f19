"""Requests signed as Amazon asks (Signature Version 4), by botocore."""

from ..hosted.requests import Ask

SERVICE = "ses"
"""The name SES signs under, whatever the version of its interface."""


def signed(ask: Ask, base: str, region: str, key: str, secret: str) -> Ask:
    """Return the request with the headers that prove who makes it."""
    from botocore.auth import SigV4Auth  # loads a good part of botocore: only where it is used
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    request = AWSRequest(ask.method, base + ask.path, headers=dict(ask.headers), data=ask.body)
    SigV4Auth(Credentials(key, secret), SERVICE, region).add_auth(request)
    return ask._replace(headers=dict(request.headers.items()))
