"""Templates at Meta's reviewers: submitted whole, found instead of made twice, asked about, and heard by the house."""

from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web
from connectpulse_whatsapp.cloud.proposal import proposal
from connectpulse_whatsapp.content import read
from connectpulse_whatsapp.simulator.options import Options
from connectpulse_whatsapp.simulator.server import CloudApi
from whatsapp_scene import TEMPLATE, connected, failing, run, serving

from connectpulse.core.api import Approval, Refused, TemplateSubmission, TemplateWord, files

FILE = files.StoredFile(7, "sale.png", "image/png", 8, "d" * 64, b"\x89PNG\r\n\x1a\n")
WHOLE = {
    **TEMPLATE,
    "header": "text",
    "header_text": "For {{ first_name }}",
    "body": 'Dear {{ first_name | default("friend") }}, your order {{ order }} is on its way to you today.',
    "footer": "Reply STOP to end",
    "buttons": "stop: Stop\nlink: Track | https://example.com/{{ order }}\ncall: Call us | +923001234567\ncode: SALE25",
    "examples": "first_name = Amina\norder = 1042",
}


def submission(reference: str = "", **content: Any) -> TemplateSubmission:
    whole = {**TEMPLATE, **content}
    return TemplateSubmission("Sale", whole, {"content": whole}, reference)


def test_reviewers_see_examples_in_the_place_of_values() -> None:
    made = proposal(read(WHOLE))
    assert (made["category"], made["language"], made["parameter_format"]) == ("MARKETING", "en", "POSITIONAL")
    header, body, footer, buttons = made["components"]
    assert header == {
        "type": "HEADER", "format": "TEXT", "text": "For {{1}}", "example": {"header_text": ["Amina"]}
    }  # fmt: skip
    assert body["text"] == "Dear {{1}}, your order {{2}} is on its way to you today."
    assert body["example"] == {"body_text": [["Amina", "1042"]]}
    assert footer == {"type": "FOOTER", "text": "Reply STOP to end"}
    assert buttons["buttons"] == [
        {"type": "QUICK_REPLY", "text": "Stop"},
        {"type": "URL", "text": "Track", "url": "https://example.com/{{1}}", "example": ["https://example.com/1042"]},
        {"type": "PHONE_NUMBER", "text": "Call us", "phone_number": "+923001234567"},
        {"type": "COPY_CODE", "example": "SALE25"},
    ]


def test_named_placeholders_have_named_examples() -> None:
    made = proposal(read({**WHOLE, "variables": "named"}))
    assert made["components"][1]["example"] == {
        "body_text_named_params": [
            {"param_name": "first_name", "example": "Amina"},
            {"param_name": "order", "example": "1042"},
        ]
    }


def test_the_sentence_of_a_code_is_metas() -> None:
    made = proposal(read({"category": "authentication", "body": "{{ code }}", "expiry": 5}))
    assert "parameter_format" not in made
    assert made["components"] == [
        {"type": "BODY", "add_security_recommendation": True},
        {"type": "FOOTER", "code_expiration_minutes": 5},
        {"type": "BUTTONS", "buttons": [{"type": "OTP", "otp_type": "COPY_CODE"}]},
    ]


def test_a_template_is_submitted_once_and_asked_about() -> None:
    async def scene() -> None:
        async with CloudApi(Options(review_after=3600)) as api, connected(api.settings) as provider:
            first = await provider.submit_template(submission())
            again = await provider.submit_template(submission())
            assert first == again == TemplateWord(first.reference, Approval.PENDING, "", "marketing")
            assert list(api.templates.known) == [first.reference]
            other = await provider.submit_template(submission(body="Another text that is long enough to be sent."))
            assert other.reference != first.reference
            api.templates.decide(first.reference, "PAUSED")
            (found,) = await provider.ask_templates([first.reference, "404"])
            assert (found.state, found.category) == (Approval.REJECTED, "marketing")
            assert "paused" in found.reason

    run(scene())


def test_a_refused_one_is_looked_at_again_only_when_somebody_asks() -> None:
    async def scene() -> None:
        async with CloudApi(Options(review_after=3600)) as api, connected(api.settings) as provider:
            first = await provider.submit_template(submission())
            api.templates.decide(first.reference, "REJECTED", "INVALID_FORMAT")
            found = await provider.submit_template(submission())
            assert found.state is Approval.REJECTED
            again = await provider.submit_template(submission(first.reference))
            assert (again.reference, again.state) == (first.reference, Approval.PENDING)
            assert api.templates.known[first.reference]["status"] == "PENDING"

    run(scene())


def test_the_file_of_a_header_is_shown_to_the_reviewers() -> None:
    async def scene() -> None:
        async with CloudApi(Options(review_after=3600)) as api, connected(api.settings) as provider:
            asked = submission(header="image", header_file=7)
            made = await provider.submit_template(replace(asked, shared={**asked.shared, "file": FILE}))
            header = api.templates.known[made.reference]["components"][0]
            assert header["format"] == "IMAGE"
            assert header["example"]["header_handle"][0].startswith("4::")
            assert len(api.media.known) == 1

    run(scene())


@pytest.mark.parametrize("code", [190, 200, 4, 2])
def test_what_is_no_fault_of_the_template_is_tried_again(code: int) -> None:
    async def scene() -> None:
        async with serving(failing(code)) as url, connected({**CloudApi().settings, "base_url": url}) as provider:
            with pytest.raises(Refused, match="Meta refused to look at it"):
                await provider.submit_template(submission())

    run(scene())


def test_what_meta_does_not_take_is_said() -> None:
    async def handle(request: web.Request) -> web.Response:
        if request.method == "GET":
            return web.json_response({"data": []})
        error = {"code": 100, "error_subcode": 2388293, "message": "Invalid parameter", "error_user_msg": "Too many."}
        return web.json_response({"error": error}, status=400)

    async def scene() -> None:
        async with serving(handle) as url, connected({**CloudApi().settings, "base_url": url}) as provider:
            word = await provider.submit_template(submission())
            assert word == TemplateWord("", Approval.REJECTED, "WhatsApp did not take it: Too many.")

    run(scene())
