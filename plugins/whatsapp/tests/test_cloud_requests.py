"""What is put on the wire for a message: golden vectors after Meta's reference, v23.0."""

import json
from typing import Any

import pytest
from connectpulse_whatsapp.channel import WhatsAppChannel
from connectpulse_whatsapp.cloud.media import form_data
from connectpulse_whatsapp.cloud.requests import Draft, encode
from whatsapp_scene import TEMPLATE, message

from connectpulse.core.api import files
from connectpulse.core.domain import form

FORM = WhatsAppChannel.content_form
FILE = files.StoredFile(7, "price list.pdf", "application/pdf", 4, "d" * 64, b"%PDF")
HEAD = {"messaging_product": "whatsapp", "recipient_type": "individual", "to": "923217654321"}


def made(media: str = "", file: files.StoredFile | None = None, to: str = "+923217654321", **content: Any) -> Any:
    values = {"name": "Amina", "city": "Lahore", "code": "42"}
    full = form.read(FORM, {**TEMPLATE, "template_name": "sale", **content})
    rendered = WhatsAppChannel().prepare(full)(values)
    draft = Draft(full, file)
    return json.loads(encode(draft.body(message(to, body=rendered.body, extra=rendered.extra), media)))


def test_a_template_with_everything() -> None:
    assert made(
        media="4490709327384033",
        header="image",
        buttons="link: Shop | https://example.com/{{ code }}\nreply: Yes\nstop: Stop",
        language="en_US",
    ) == {
        **HEAD,
        "type": "template",
        "template": {
            "name": "sale",
            "language": {"policy": "deterministic", "code": "en_US"},
            "components": [
                {"type": "header", "parameters": [{"type": "image", "image": {"id": "4490709327384033"}}]},
                {"type": "body", "parameters": [{"type": "text", "text": "Amina"}]},
                {"type": "button", "sub_type": "url", "index": "0", "parameters": [{"type": "text", "text": "42"}]},
                {"type": "button", "sub_type": "quick_reply", "index": "2",
                 "parameters": [{"type": "payload", "payload": "STOP"}]},
            ],
        },
    }  # fmt: skip


def test_a_code_to_copy_is_named_with_every_message() -> None:
    template = made(body="Today only.", buttons="link: Shop | https://example.com/\ncode: SALE25")["template"]
    assert template["components"] == [
        {"type": "button", "sub_type": "copy_code", "index": "1",
         "parameters": [{"type": "coupon_code", "coupon_code": "SALE25"}]},
    ]  # fmt: skip


def test_a_template_without_placeholders_has_no_components() -> None:
    template = made(body="Our new collection has arrived.", buttons="reply: Yes")["template"]
    assert template == {"name": "sale", "language": {"policy": "deterministic", "code": "en"}}


def test_named_placeholders_are_named() -> None:
    (header, body) = made(variables="named", header="text", header_text="For {{ city }}", buttons="")["template"][
        "components"
    ]
    assert header == {"type": "header", "parameters": [{"type": "text", "parameter_name": "city", "text": "Lahore"}]}
    assert body["parameters"] == [{"type": "text", "parameter_name": "name", "text": "Amina"}]


def test_a_code_is_given_to_text_and_button() -> None:
    made_one = made(category="authentication", body="{{ code }}", footer="", buttons="")
    assert made_one["template"]["components"] == [
        {"type": "body", "parameters": [{"type": "text", "text": "42"}]},
        {"type": "button", "sub_type": "url", "index": "0", "parameters": [{"type": "text", "text": "42"}]},
    ]


def test_a_business_scoped_id_is_a_recipient_and_no_number() -> None:
    message = made(to="PK.13491208655302741918")
    assert message["recipient"] == "PK.13491208655302741918"
    assert "to" not in message


@pytest.mark.parametrize(
    ("content", "media", "told"),
    [
        ({"body": "We are open."}, "", {"type": "text", "text": {"body": "We are open.", "preview_url": False}}),
        ({"body": "See https://a.pk"}, "", {"type": "text", "text": {"body": "See https://a.pk", "preview_url": True}}),
        (
            {"body": "Our prices", "header": "document"},
            "1",
            {"type": "document", "document": {"id": "1", "filename": "price list.pdf", "caption": "Our prices"}},
        ),
        (
            {"body": "Shall we call?", "buttons": "reply: Yes\nstop: Stop", "footer": "Acme", "header": "image"},
            "1",
            {
                "type": "interactive",
                "interactive": {
                    "type": "button",
                    "body": {"text": "Shall we call?"},
                    "header": {"type": "image", "image": {"id": "1"}},
                    "footer": {"text": "Acme"},
                    "action": {
                        "buttons": [
                            {"type": "reply", "reply": {"id": "reply-0", "title": "Yes"}},
                            {"type": "reply", "reply": {"id": "STOP", "title": "Stop"}},
                        ]
                    },
                },
            },
        ),
    ],
)
def test_an_answer(content: dict[str, Any], media: str, told: dict[str, Any]) -> None:
    file = FILE if media else None
    assert made(media, file, **{"kind": "text", "footer": "", "buttons": "", **content}) == HEAD | told


def test_urdu_and_signs_go_out_as_they_are() -> None:
    assert made(kind="text", body='سلام "🌙" \\', footer="", buttons="")["text"]["body"] == 'سلام "🌙" \\'


def test_a_file_is_handed_over_as_a_form() -> None:
    odd = FILE._replace(name='a"\r\nb\\ü.pdf', content=b"\r\n--%PDF\x00")
    kind, body = form_data(odd)
    edge = kind.removeprefix("multipart/form-data; boundary=").encode()
    parts = body.split(b"--" + edge)
    assert parts[0] == b""
    assert parts[-1] == b"--\r\n"
    assert b'name="messaging_product"\r\n\r\nwhatsapp\r\n' in parts[1]
    assert b'name="type"\r\n\r\napplication/pdf\r\n' in parts[2]
    assert parts[3].startswith(b'\r\nContent-Disposition: form-data; name="file"; filename="a___b__.pdf"\r\n')
    assert parts[3].endswith(b"\r\n\r\n\r\n--%PDF\x00\r\n")
