"""Letters in blocks: what they become, for readers of HTML and of text, and what is told about them."""

from typing import Any

import pytest
from connectpulse_email import looks
from connectpulse_email.blocks import SHAPES, html, prose
from connectpulse_email.channel import EmailChannel
from connectpulse_email.document import draft

from connectpulse.core.api import Refused
from connectpulse.core.domain import form
from connectpulse.testing.conformance import contents

CHANNEL = EmailChannel()
NAMES = frozenset({"name", "city"})
BLOCKS: list[dict[str, Any]] = [
    {"shape": "heading", "text": "Salaam {{ name }} & <co>", "side": "center"},
    {
        "shape": "text",
        "text": "We are **open** *again*: [our {{ city | default('x') }}](https://s.example/?n={{ name }})",
    },
    {"shape": "text", "text": "- one\n- two\n\n[No more]({{ stop_link }})"},
    {"shape": "button", "label": "Buy", "link": "https://s.example/buy"},
    {"shape": "picture", "address": "https://s.example/p.png", "alt": 'A "gift"', "link": "https://s.example/g"},
    {"shape": "columns", "left": "Left", "right": "![Right](https://s.example/r.png)"},
    {"shape": "line"},
    {"shape": "space", "height": 30},
]  # fmt: skip


def content(blocks: Any = BLOCKS, **more: Any) -> dict[str, Any]:
    return form.read(CHANNEL.content_form, {"subject": "Hello", "blocks": blocks, **more})


def test_blocks_become_a_letter_with_every_value_where_it_belongs() -> None:
    CHANNEL.check_content(content(), NAMES)
    assert CHANNEL.names(content()) == NAMES
    assert CHANNEL.required_values(content()) == {"name"}
    values = {"name": 'A<b> & "c"', "city": "Lahore", "stop_link": "https://stop.example/1"}
    made = draft(content(accent="#aa0011"))
    shown, said = made.html.fill(values), made.text.fill(values)
    for part in (
        "Salaam A&lt;b&gt; &amp; &quot;c&quot; &amp; &lt;co&gt;</h1>",
        "<strong>open</strong> <em>again</em>",
        'href="https://s.example/?n=A%3Cb%3E%20%26%20%22c%22" style="color:#aa0011">our Lahore</a>',
        "<li>one</li><li>two</li>",
        'href="https://stop.example/1"',
        "background-color:#aa0011",
        'alt="A &quot;gift&quot;"',
        "@media (max-width: 480px)",
        "height:30px",
    ):
        assert part in shown, part
    assert shown.count("https://stop.example/1") == 1, "the author placed it, so none is added"
    for part in ("Salaam A<b>", "We are open again", "* one", "[Buy](https://s.example/buy)", "Left"):
        assert part in said, part


@pytest.mark.parametrize("shape", SHAPES, ids=lambda each: each.name)
def test_each_block_stands_alone(shape: Any) -> None:
    filled = {each.name: contents._fill(each) for each in shape.form if each.is_required}
    block = {"shape": shape.name, **filled} | {
        name: "https://a.example/b" for name in ("link", "address") if name in filled
    }
    CHANNEL.check_content(content([block]), NAMES)
    assert "undefined" not in CHANNEL.preview(content([block])).document


@pytest.mark.parametrize(
    ("blocks", "says"),
    [
        ([{"shape": "poem"}], "must be one of heading"),
        ([{"shape": "heading"}], r"number 1 \(Heading\): Words: please fill this in"),
        ([{"shape": "space", "height": 9000}], "above the most"),
        ([{"shape": "line", "colour": "red"}], "no such setting"),
        (["line"], "must be one of"),
        ({"shape": "line"}, "no list"),
        ([{"shape": "line"}] * 201, "at most 200"),
        ("[", "not valid JSON"),
    ],
)
def test_what_is_no_block_is_refused_with_its_place(blocks: Any, says: str) -> None:
    with pytest.raises(Refused, match=says):
        content(blocks)


@pytest.mark.parametrize(
    ("block", "more", "says"),
    [
        ({"shape": "button", "label": "x", "link": "javascript:alert(1)"}, {}, "must begin with"),
        ({"shape": "button", "label": "x", "link": "https://{{ name }}/"}, {}, "may not decide"),
        ({"shape": "text", "text": "Hi {{ nobody }}"}, {}, "is not a field"),
        ({"shape": "text", "text": "Hi {{ name"}, {}, "Letter"),
        ({"shape": "picture", "address": "data:image/png;base64,AA=="}, {}, "must begin with"),
        ({"shape": "line"}, {"html": "<p>x</p>"}, "not both"),
        ({"shape": "line"}, {"accent": "red"}, "Colour"),
    ],
)
def test_what_makes_no_good_letter_is_refused(block: dict[str, Any], more: dict[str, Any], says: str) -> None:
    with pytest.raises(Refused) as refused:
        CHANNEL.check_content(content([block], **more), NAMES)
    assert says in " ".join(refused.value.problems)
    assert CHANNEL.preview(content([block], **more)) is not None


def test_a_letter_needs_blocks_or_html() -> None:
    with pytest.raises(Refused, match="Letter: please fill this in"):
        CHANNEL.check_content(content([]), NAMES)
    CHANNEL.check_content(content([], html="<p>x</p>"), NAMES)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("2 * 3 * 4", "2 * 3 * 4"),
        ("**a** and **b**", "<strong>a</strong> and <strong>b</strong>"),
        ("a_b *c*", "a_b <em>c</em>"),
        ("** not **", "** not **"),
        ('<script>"', "&lt;script&gt;&quot;"),
        ('{{ a | default("**x**") }} **{{ b }}**', '{{ a | default("**x**") }} <strong>{{ b }}</strong>'),
        ("[a](no space)", "[a](no space)"),
        ("[](https://a.example)", '<a href="https://a.example" style="color:red"></a>'),
        ("\x1a0\x1a {{ a }}", "0 {{ a }}"),
    ],
)
def test_signs_in_text(text: str, shown: str) -> None:
    assert prose.inline(text, "red") == shown


def test_blocks_nobody_knows_any_more_are_left_out() -> None:
    assert html([{"shape": "gone"}, {"shape": "heading", "text": "Here"}]).count("<h1") == 1


@pytest.mark.parametrize(
    ("subject", "letter", "says"),
    [
        ("Buy now!!", "<p>x</p>", "exclamation"),
        ("BIG SALE", "<p>x</p>", "capitals"),
        ("Hi", '<img src="https://a.example/x.png">' + "<p>word </p>" * 30, "do not say what they show: 1"),
        ("Hi", '<img src="https://a.example/x.png" alt="x">', "little else than pictures"),
        ("Hi", '<a href="https://evil.example/">https://bank.example/in</a>', "leads to evil.example"),
        ("Hi", '<a href="https://evil.example/"><b>www.bank.example</b></a>', "leads to evil.example"),
        ("Hi", '<a href="http://bank.example/">In</a>', "http://"),
        ("Hi", "x" * 103_000, "102 KB"),
    ],
)
def test_what_is_worth_a_second_look(subject: str, letter: str, says: str) -> None:
    (said,) = looks.warnings(subject, letter)
    assert says in said


@pytest.mark.parametrize(
    "letter",
    ['<a href="https://www.bank.example/in">bank.example</a>', '<a href="https://bank.example/">https://www.bank.example</a>',
     '<a href="mailto:a@bank.example">a@bank.example</a>', "<style>a{}</style><p>Hi</p>", '<a href="https://x.example">Node.js</a>'],
)  # fmt: skip
def test_a_good_letter_is_left_alone(letter: str) -> None:
    assert looks.warnings("Hello", letter) == []
