"""How a message looks beside its form: what WhatsApp marks, examples in the place of values, and nothing else."""

import re
from html.parser import HTMLParser
from typing import Any

import pytest
from connectpulse_whatsapp.bubble import document, marked
from connectpulse_whatsapp.channel import WhatsAppChannel
from connectpulse_whatsapp.content import read
from hypothesis import given
from hypothesis import strategies as st

ALLOWED = {"html", "head", "meta", "title", "style", "body", "main", "section", "p", "footer", "time", "strong", "em",
           "s", "code", "span", "mark", "ul", "li", "h1", "img", "video", "div"}  # fmt: skip


def shown(**content: Any) -> str:
    return document(read({"body": "Hello", **content}))


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        assert not [name for name, _ in attrs if name.startswith("on")]


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("*bold* _italic_ ~struck~", "<strong>bold</strong> <em>italic</em> <s>struck</s>"),
        ("*_both_*", "<strong><em>both</em></strong>"),
        ("```a *b*```", "<code>a *b*</code>"),
        ("2*3*4 and snake_case_name", "2*3*4 and snake_case_name"),
        ("* not * bold", "* not * bold"),
        ("*سیل*", "<strong>سیل</strong>"),
        ("<b>&", "&lt;b&gt;&amp;"),
        ("https://example.com/a", '<span class="link">https://example.com/a</span>'),
    ],
)
def test_marks_are_those_of_whatsapp(text: str, html: str) -> None:
    assert marked(text) == html


@given(st.text(max_size=80), st.text(max_size=40), st.text(max_size=20))
def test_nothing_typed_is_markup(body: str, footer: str, example: str) -> None:
    content = {"body": body, "footer": footer, "examples": f"name = {example}", "language": "ur"}
    tags = Tags()
    tags.feed(WhatsAppChannel().preview(content).document)
    assert tags.seen <= ALLOWED


def test_examples_stand_in_the_place_of_values() -> None:
    page = shown(body='{{ name }}, {{ day | default("today") }}, {{ shop }}', examples="name = *Amina* <3")
    assert "<strong>Amina</strong> &lt;3, today, <mark>shop</mark>" in page


def test_urdu_runs_from_right_to_left() -> None:
    page = shown(body="سلام", language="ur", footer="شکریہ")
    assert '<html lang="ur" dir="rtl">' in page
    assert page.count('dir="rtl"') == 3
    assert 'dir="rtl"' not in shown(language="en_GB")


def test_pictures_are_named_and_a_missing_file_is_said() -> None:
    assert 'src="file:7"' in shown(header="image", header_file=7)
    assert "No file chosen yet" in shown(header="video")
    assert "<h1" in shown(header="text", header_text="Sale")


def test_more_than_three_buttons_are_in_a_list() -> None:
    three = shown(buttons="reply: Yes\nreply: No\nlink: Shop | https://example.com/")
    assert "See all options" not in three
    four = shown(buttons="reply: Yes\nreply: No\nlink: Shop | https://example.com/\ncall: Call | +923001234567")
    assert "See all options" in four
    assert len(re.findall("<li>", four)) == 3 + 4


def test_the_sentence_of_a_code_is_shown_as_whatsapp_writes_it() -> None:
    page = shown(category="authentication", body="{{ code }}", examples="code = 123456", expiry=5)
    assert "<strong>123456</strong> is your verification code." in page
    assert "This code expires in 5 minutes." in page
    assert "Copy code" in page
