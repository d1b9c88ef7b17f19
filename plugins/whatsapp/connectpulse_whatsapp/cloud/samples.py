"""What the conformance kit tries the provider with: a Cloud API on loopback, and what it would call back."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from connectpulse.core.api import (
    Approval,
    Callback,
    ErrorClass,
    Inbound,
    MessageState,
    Receipt,
    Samples,
    Stop,
    Submission,
    TemplateWord,
)

from ..simulator.options import ACCOUNT_ID, APP_SECRET, NUMBER, NUMBER_ID, VERIFY_TOKEN, Options, settings
from .settings import BASE
from .signature import sign

_URL: Final = "https://pulse.example.com/callbacks/7/trial"
_TO: Final = "923217654321"
_AT: Final = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
_STAMP: Final = str(int(_AT.timestamp()))
_CONTENT: Final = {"body": "Hello, our new collection has arrived.", "footer": "STOP ends this"}


@asynccontextmanager
async def cloud() -> AsyncIterator[dict[str, str]]:
    """Run the simulator; yield settings that reach it."""
    from ..simulator.server import CloudApi  # aiohttp's server is wanted by tests and trials only

    async with CloudApi() as api:
        yield api.settings


def samples() -> Samples:
    """Return the samples."""
    return Samples(
        settings=settings(Options(), BASE),
        peer=cloud,
        callbacks=(_handshake(), _states(), _written(), _about_templates(), _about_people()),
        forged=(_forged(), _handshake("somebody-elses")[0]),
        submissions=(submission(1, f"+{_TO}"), submission(2, "PK.13491208655302741918")),
        refused=(
            (submission(3, "+923001234594"), ErrorClass.RECIPIENT),
            (submission(4, "+923001234595"), ErrorClass.CONTENT),
            (submission(5, "+923001234596"), ErrorClass.THROTTLE),
            (submission(6, f"+{_TO}", sender="+923009999999"), ErrorClass.SENDER),
        ),
    )


def submission(number: int, address: str, sender: str = NUMBER) -> Submission:
    """Return a message of a template without placeholders to `address`."""
    body = _CONTENT["body"]
    return Submission(number, address, sender, body, 1, timedelta(hours=4), f"{number:x}", shared={"content": _CONTENT})


def posted(*changes: Mapping[str, Any], secret: str = APP_SECRET) -> Callback:
    """Return a webhook that tells `changes`."""
    told = {"object": "whatsapp_business_account", "entry": [{"id": ACCOUNT_ID, "changes": list(changes)}]}
    body = json.dumps(told).encode()
    return Callback("POST", _URL, {"X-Hub-Signature-256": sign(secret, body)}, (), body)


def change(field: str, **value: Any) -> dict[str, Any]:
    """Return one change of a number of ours."""
    metadata = {"display_phone_number": NUMBER[1:], "phone_number_id": NUMBER_ID}
    return {"field": field, "value": {"messaging_product": "whatsapp", "metadata": metadata, **value}}


def status(reference: str, word: str, **more: Any) -> dict[str, Any]:
    """Return one status of a message."""
    return {"id": reference, "status": word, "timestamp": _STAMP, "recipient_id": _TO, **more}


def _handshake(token: str = VERIFY_TOKEN) -> tuple[Callback, tuple[()]]:
    query = (("hub.mode", "subscribe"), ("hub.verify_token", token), ("hub.challenge", "1158201444"))
    url = _URL + "?" + "&".join(f"{name}={value}" for name, value in query)
    return Callback("GET", url, {}, query, b""), ()


def _states() -> tuple[Callback, list[Receipt]]:
    free = {"billable": False, "pricing_model": "PMP", "type": "free_customer_service", "category": "utility"}
    token = {"biz_opaque_callback_data": "1f.1"}
    told = change("messages", statuses=[
        status("wamid.1", "sent", **token, pricing=free | {"billable": True}),
        status("wamid.1", "delivered", **token, pricing=free),
        status("wamid.2", "failed", errors=[{"code": 131050, "title": "stopped"}]),
        status("wamid.3", "warned"),
    ])  # fmt: skip
    to, ours = f"+{_TO}", "1f"
    return posted(told), [
        Receipt("wamid.1", MessageState.SENT, occurred_at=_AT, address=to, quantity=1, token=ours, category="utility"),
        Receipt("wamid.1", MessageState.DELIVERED, occurred_at=_AT, address=to, quantity=0, token=ours),
        Receipt("wamid.2", MessageState.UNDELIVERABLE, "131050", "opted_out", _AT, to, suppress=True),
    ]


def _written() -> tuple[Callback, list[Inbound]]:
    head = {"from": _TO, "timestamp": _STAMP}
    told = change("messages", messages=[
        {**head, "id": "wamid.a", "type": "text", "text": {"body": "کیا دکان کھلی ہے؟"}},
        {**head, "id": "wamid.b", "type": "button", "button": {"payload": "STOP", "text": "روکیں"}},
        {**head, "id": "wamid.c", "type": "image", "image": {"id": "1", "caption": "This one"}},
    ])  # fmt: skip
    texts = {"wamid.a": "کیا دکان کھلی ہے؟", "wamid.b": "STOP", "wamid.c": "[image] This one"}
    return posted(told), [Inbound(f"+{_TO}", NUMBER, text, reference, _AT) for reference, text in texts.items()]


def _about_templates() -> tuple[Callback, list[TemplateWord]]:
    named = {"message_template_id": 594425479261596, "message_template_name": "sale"}
    told = (
        {"field": "message_template_status_update", "value": {**named, "event": "APPROVED", "reason": "NONE"}},
        {"field": "template_category_update", "value": {**named, "new_category": "MARKETING"}},
        {"field": "message_template_quality_update", "value": {**named, "new_quality_score": "YELLOW"}},
    )
    reference = "594425479261596"
    return posted(*told), [
        TemplateWord(reference, Approval.APPROVED),
        TemplateWord(reference, None, category="marketing"),
        TemplateWord(reference, None, "WhatsApp rates its quality medium."),
    ]


def _about_people() -> tuple[Callback, list[Stop]]:
    wish = {"wa_id": _TO, "category": "marketing_messages", "value": "stop", "timestamp": _STAMP, "detail": "stopped"}
    moved = {"user_id": {"previous": "PK.1", "current": "PK.2"}, "timestamp": _STAMP}
    told = change("user_preferences", user_preferences=[wish]), change("user_id_update", user_id_update=[moved])
    return posted(*told), [Stop(f"+{_TO}", NUMBER), Stop("PK.1", NUMBER, "undeliverable")]


def _forged() -> Callback:
    """Return a callback whose state was changed after it was signed."""
    genuine = posted(change("messages", statuses=[status("wamid.1", "failed")]))
    other = posted(change("messages", statuses=[status("wamid.1", "delivered")]))
    return Callback("POST", _URL, genuine.headers, (), other.body)
