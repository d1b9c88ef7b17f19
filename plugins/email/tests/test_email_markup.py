"""HTML of people becomes HTML for mail: cleaned, its styles in its tags, and no value more than a text in it."""

from typing import Any

import pytest
from connectpulse_email.document import draft
from connectpulse_email.slots import STOP_LINK

from connectpulse.core.api import Refused

VALUES = {"name": '<i>"O\'Neil" & Co</i>', "city": 'a&b=c #"<>/../é'}


def html(source: str, values: Any = VALUES) -> str:
    return draft({"subject": "s", "html": source}).html.fill(values)


def faults(source: str) -> str:
    with pytest.raises(Refused) as refused:
        draft({"subject": "s", "html": source})
    return " ".join(refused.value.problems)


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("<p>Dear {{ name }}</p>", "<p>Dear &lt;i&gt;&quot;O&#x27;Neil&quot; &amp; Co&lt;/i&gt;</p>"),
        ('<p title="a > b {{ name }}">x</p>', "O&#x27;Neil&quot; &amp; Co&lt;/i&gt;\">x</p>"),
        ('<a href="https://x.org/{{ city }}?q={{ city }}&amp;y=1#{{ city }}">x</a>',
         'href="https://x.org/a%26b%3Dc%20%23%22%3C%3E%2F..%2F%C3%A9?q=a%26b%3Dc%20%23%22%3C%3E%2F..%2F%C3%A9&amp;y=1#a%26b'),
        ('<p>{{ nobody | default("my \'friend\' > <b>") }}</p>', "my &#x27;friend&#x27; &gt; &lt;b&gt;"),
        ('<a href="https://x.org/?q={{ nobody | default("Q&A") }}">x</a>', "?q=Q%26A"),
        ("<style>p{color:red}</style><p>x</p>", '<p style="color: red;">x</p>'),
        ('<a href="mailto:shop@x.org?subject={{ city }}">x</a>', "mailto:shop@x.org?subject=a%26b"),
        ('<a href="tel:+9242111">x</a>', 'href="tel:+9242111"'),
        ('<a href="#top">x</a>', 'href="#top"'),
        ("<p>a<br>b<p>c", "<p>a<br>b</p><p>c</p>"),
        ('<body style="background:#eee"><p>x</p></body>', '<body style="background:#eee">'),
        ('<html lang="ur" dir="rtl"><p>x</p></html>', '<html lang="ur" dir="rtl">'),
    ],
)  # fmt: skip
def test_values_are_texts_wherever_they_stand(source: str, shown: str) -> None:
    assert shown in html(source)


@pytest.mark.parametrize(
    "source",
    [
        "<script>alert(1)</script>", '<p onclick="alert(1)">x</p>', "<iframe src='https://x.org'></iframe>",
        "<form action='https://x.org'><input name=a></form>", "<svg><script>alert(1)</script></svg>",
        "<math><mi xlink:href='javascript:alert(1)'>x</mi></math>", "<object data='https://x.org'></object>",
        "<link rel=stylesheet href='https://x.org/a.css'>", "<base href='https://x.org'>", "<meta http-equiv=refresh>",
        "<!-- <img onerror=alert(1)> -->",
        "<template><img onerror=alert(1)></template>", "<title>a</title><textarea></textarea>",
    ],
)  # fmt: skip
def test_nothing_that_acts_remains(source: str) -> None:
    made = html(source + "<p>kept</p>").lower()
    assert "<p>kept</p>" in made
    for word in (
        "script",
        "onerror",
        "onclick",
        "<iframe",
        "<form",
        "<svg",
        "<math",
        "<object",
        "<link",
        "<base",
        "refresh",
    ):
        assert word not in made


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ('<a href="javascript:alert(1)">x</a>', "must begin with https://"),
        ('<a href="&#106;avascript:alert(1)">x</a>', "must begin with https://"),
        ('<a href="java\nscript:alert(1)">x</a>', "a space or a sign"),
        ('<a href="/shop">x</a>', "must begin with https://"),
        ('<a href="//x.org">x</a>', "must begin with https://"),
        ('<a href="https:x.org">x</a>', "names no host"),
        ('<a href="https://user@x.org">x</a>', "names no host, or a user"),
        ('<a href="https://x.org\\@y.org">x</a>', "a space or a sign"),
        ('<a href="{{ name }}">x</a>', "must begin with https://"),
        ('<a title="x > y" href="{{ name }}://x.org">x</a>', "must begin with https://"),
        ('<a href="https://{{ name }}/x">x</a>', "may not decide where it leads"),
        ('<a href="https://x{{ name }}.org">x</a>', "may not decide where it leads"),
        ('<a href="https://x.org:{{ name }}/">x</a>', "may not decide where it leads"),
        ('<a href="mailto:{{ name }}@x.org">x</a>', "may not decide where it leads"),
        ('<a href="tel:{{ name }}">x</a>', "may not decide where it leads"),
        ('<a href="https://x.org/?u={{ stop_link }}">x</a>', "must be the whole link"),
        ('<img src="{{ stop_link }}" alt="">', "must be the whole link"),
        ('<img src="data:image/png;base64,AAAA" alt="">', "must begin with https://"),
        ('<img src="mailto:x@y.org" alt="">', "must begin with https://"),
        (
            '<td background="javascript:x"><table><tr><td background="javascript:x">y</table>',
            "must begin with https://",
        ),
        ('<p style="color:{{ name }}">x</p>', "cannot stand in styles"),
        ("<style>@media print{p{color:{{ name }}}}</style>", "cannot stand in styles"),
        ('<p class="{{ name }}">x</p>', "cannot stand in class"),
        ('<p style="width:expression(alert(1))">x</p>', "may not contain 'expression('"),
        ('<p style="background:url(http://x.org/a.png)">x</p>', "begins with https://"),
        ("<style>@media print{p{background:url('javascript:x')}}</style>", "may not contain 'javascript:'"),
        ('<p style="background:u\\72l(x)">x</p>', "may not contain"),
        ("<style>@media print{/* </ style> <!-- */p{a:b}}</style>", "may not contain '<'"),
        ("<style>@import url(https://x.org/a.css);</style>", "may not contain '@import'"),
    ],
)
def test_what_cannot_be_made_safe_is_refused_in_words(source: str, sentence: str) -> None:
    assert sentence in faults(source)


@pytest.mark.parametrize(
    "source",
    [
        "<noscript><p title='</noscript><img src=x onerror=alert(1)>'></noscript>",
        "<style>@media print{/* </ style> <img src=x onerror=alert(1)> */p{a:b}}</style>",
        "<style>p{a:b} </style x><img src=x onerror=alert(1)><p>kept</p>",
        "<style><!-- </style x> --><p>kept</p>",
        "<style>/* </style ><script>alert(1)</script> */ @media print{p{a:b}}</style><p>kept</p>",
    ],
)
def test_a_style_ends_where_browsers_end_it(source: str) -> None:
    try:
        made = html(source)
    except Refused:
        return
    assert "onerror" not in made
    assert "<script" not in made
    assert "<!--" not in made


def test_media_queries_stay_in_the_head_and_nothing_is_fetched() -> None:
    made = html(
        '<head><link rel="stylesheet" href="https://x.org/a.css"><style>p{margin:0}'
        "@media (max-width:600px){.a>b{width:100%!important}}</style></head><p class=a><b>x</b></p>"
    )
    head = made.partition("</head>")[0]
    assert "@media (max-width:600px){.a>b{width:100%!important}}" in head
    assert '<p class="a" style="margin: 0;"><b>x</b></p>' in made
    assert "a.css" not in made


def test_nobody_can_write_the_word_that_stands_for_a_value() -> None:
    first, second = (html("<p>{{ name }}</p><p>pz0000000000000000n0z</p>", {"name": "A"}) for _ in range(2))
    assert first == second
    assert "<p>A</p><p>pz0000000000000000n0z</p>" in first


def test_the_text_says_what_the_letter_says() -> None:
    made = draft({
        "subject": "s", "footer": "Acme & Co\nLahore",
        "html": '<h1>Hi {{ name }}</h1><p>Buy <a href="https://x.org/?q={{ city }}">here</a></p>',
    })  # fmt: skip
    text = made.text.fill({**VALUES, STOP_LINK: "https://p.org/stop/1"})
    assert 'Hi <i>"O\'Neil" & Co</i>' in text
    assert "[here](https://x.org/?q=a%26b%3Dc%20%23%22%3C%3E%2F..%2F%C3%A9)" in text
    assert text.endswith("-- \nAcme & Co\nLahore\n\nUnsubscribe: https://p.org/stop/1\n")


@pytest.mark.parametrize(("content", "is_needed"), [
    ({"html": '<p>x <a href="{{ stop_link }}">stop</a></p>'}, True),
    ({"html": "<p>x</p>", "text": "x {{ stop_link }}"}, True),
    ({"html": "<p>x</p>"}, False),
])  # fmt: skip
def test_the_way_out_stands_in_both_texts_once(content: dict[str, str], is_needed: bool) -> None:
    made = draft({"subject": "s", "stop_label": "روکیں"} | content)
    values = {STOP_LINK: "https://p.org/stop/1"}
    assert made.needs_way_out is is_needed
    assert made.html.fill(values).count("https://p.org/stop/1") == 1
    assert made.text.fill(values).count("https://p.org/stop/1") == 1
    without = made.html.fill({}) + made.text.fill({})
    assert is_needed or "روکیں" not in without
