"""The substitution grammar: what is understood, what is refused, and that nothing else happens to a text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectpulse.core.domain.template import Placeholder, check_names, content_filled, known_filled, parse
from connectpulse.core.errors import Refused

plain = st.text().filter(lambda text: "{{" not in text and not text.endswith("{"))
names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,62}", fullmatch=True)
defaults = st.text().filter(lambda text: not set(text) & set('"{}“”„‘’'))
values = st.dictionaries(names, st.text(), max_size=5)


@given(plain, values)
def test_a_text_without_placeholders_stays_what_it_is(text: str, given_values: dict[str, str]) -> None:
    template = parse(text)
    assert template.names == frozenset()
    assert template.renderer()(given_values) == text


@given(st.lists(st.tuples(plain, names, st.none() | defaults), max_size=6), plain, values)
def test_a_text_is_what_was_put_together(
    pieces: list[tuple[str, str, str | None]], end: str, given_values: dict[str, str]
) -> None:
    written = meant = ""
    for before, name, default in pieces:
        written += before + ("{{ " + name + " }}" if default is None else f'{{{{ {name} | default("{default}") }}}}')
        meant += before + (given_values.get(name) or default or "")
    template = parse(written + end)
    assert template.renderer()(given_values) == meant + end
    assert template.names == {name for _, name, _ in pieces}
    assert template.required == template.names - {name for _, name, default in pieces if default is not None}


@given(st.text())
def test_any_text_is_read_or_refused_with_its_place(text: str) -> None:
    place = "Line "
    try:
        parse(text)
    except Refused as refusal:
        place = str(refusal)
    assert place.startswith("Line ")


@given(names, st.text())
def test_a_value_is_never_read_as_a_template(name: str, value: str) -> None:
    assert parse("{{" + name + "}}").renderer()({name: "{{ other }}%s%" + value}) == "{{ other }}%s%" + value


@pytest.mark.parametrize(
    "text",
    ["{{", "{{ }}", "{{ 1st }}", "{{ a b }}", "{{ a.b }}", "{{ a[0] }}", "{{ a | upper }}", "{{ a | default(b) }}",
     "{{ f() }}", "{{ a }", "{% if a %}{{", '{{ a | default("x" }}', "{{{ a }}}", "{{ a | default('{{ b }}') }}"],
)  # fmt: skip
def test_what_is_not_the_grammar_is_refused(text: str) -> None:
    with pytest.raises(Refused, match="is not a placeholder"):
        parse(text)


def test_a_fault_is_found_by_line_and_column() -> None:
    with pytest.raises(Refused, match=r"^Line 2, column 4: "):
        parse("Dear\nMs {{ name")


def test_curly_quotes_of_word_processors_are_read() -> None:
    assert parse("Hi {{ name | default(“friend”) }}").pieces[1] == Placeholder("name", "friend")


def test_a_default_stands_in_for_what_is_empty() -> None:
    render = parse("{{ name | default('friend') }}").renderer()
    assert [render(each) for each in ({}, {"name": ""}, {"name": "Amina"})] == ["friend", "friend", "Amina"]


def test_missing_values_are_named() -> None:
    assert parse("{{ b }}{{ a }}{{ c | default('') }}").missing({"b": "x", "a": ""}) == ["a"]


def test_unknown_names_are_refused_together_with_what_is_known() -> None:
    with pytest.raises(Refused) as caught:
        check_names(parse("{{ town }} {{ name }} {{ age }}"), {"name", "city"})
    assert caught.value.problems == (
        "{{ age }} is not a field of your contacts.",
        "{{ town }} is not a field of your contacts.",
        "Known fields: city, name.",
    )


def test_a_content_is_filled_with_what_is_known() -> None:
    content = {"body": "Dear {{ name }}, {{ x | default('friend') }}", "parts": [{"text": "{{ city }}"}], "size": 3}
    assert content_filled(content, {"name": "Zara"}) == {
        "body": "Dear Zara, friend", "parts": [{"text": "{{ city }}"}], "size": 3,
    }  # fmt: skip
    assert known_filled("{{ half", {"half": "x"}) == "{{ half"
