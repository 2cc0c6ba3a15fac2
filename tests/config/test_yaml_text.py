import math
from contextlib import suppress

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from mindcast.config.yaml_text import MOST_LEVELS, NotYaml, parse, write


def problem(text):
    with pytest.raises(NotYaml) as caught:
        parse(text)
    return str(caught.value), caught.value.line


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: 1\nb: 2\na: 3", 3),
        ("x:\n  y:\n    a: 1\n    a: 1", 4),
        ("x: [{a: 1, a: 2}]", 1),
        ("x: &x {a: 1}\ny: {<<: *x, a: 2, 'a': 3}", 2),
    ],
)
def test_a_key_that_stands_twice_is_refused_with_its_line(text, line):
    told, found = problem(text)
    assert told.startswith("the key 'a' stands twice, first in line ")
    assert found == line


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: 1\n3: x", "the key 3 is int"),
        ("a: 1\ntrue: x", "the key true is bool"),
        ("a: 1\nnull: x", "the key null is null"),
        ("a: 1\n~: x", "the key ~ is null"),
        ("a: 1\n.nan: x", "the key .nan is float"),
        ("a: 1\n? [b]\n: x", "a key is a sequence"),
        ("a: 1\n? {b: c}\n: x", "a key is a mapping"),
    ],
)
def test_a_key_that_is_no_text_is_refused_with_its_line(text, told):
    assert problem(text) == (f"{told}, expected the name of a setting", 2)
    assert problem(f"deep:\n  - {{inner: {{{text[5:]}}}}}")[1] in (2, 3)


@pytest.mark.parametrize(
    "word", ["on", "off", "yes", "no", "Y", "n", "2019-02-30", "12:30", "0123"]
)
def test_what_old_yaml_makes_something_else_of_stays_text(word):
    assert parse(f"a: {word}") == {"a": word}
    assert parse(f"{word}: a") == {word: "a"}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("7", 7),
        ("-7", -7),
        ("100_000", 100_000),
        ("0x10", 16),
        ("0b11", 3),
        ("1e-3", 0.001),
        ("1.0e-3", 0.001),
        ("5E3", 5000.0),
        (".5", 0.5),
        ("1.", 1.0),
        ("-.inf", -math.inf),
        ("true", True),
        ("False", False),
        ("~", None),
        ("", None),
        ("!!str 3", "3"),
    ],
)
def test_plain_words_are_read_as_meant(text, value):
    found = parse(f"a: {text}")["a"]
    assert found == value
    assert type(found) is type(value)


def test_merged_keys_give_way_to_own_ones_and_the_first_of_several_mappings_counts():
    text = "a: &a {p: 1, q: 1}\nb: &b {q: 2, r: 2}\nc: {<<: [*a, *b], r: 3}"
    assert parse(text)["c"] == {"p": 1, "q": 1, "r": 3}
    assert problem("a: {<<: 3}")[0] == "'<<' takes a mapping or a list of mappings"


def test_sections_that_share_an_alias_are_two():
    tree = parse("a: &a {x: [1]}\nb: *a")
    tree["b"]["x"].append(2)
    assert tree["a"] == {"x": [1]}


def test_aliases_that_grow_without_bound_or_hold_themselves_are_refused():
    rows = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    rows += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    assert "values, aliases counted" in problem("\n".join(rows))[0]
    assert problem("a: &a [*a]")[0] == "an alias of what it stands in"


def test_what_nests_too_deep_is_refused():
    assert parse("[" * (MOST_LEVELS - 1) + "]" * (MOST_LEVELS - 1)) is not None
    assert problem("[" * 10_000)[0] == f"more than {MOST_LEVELS} levels"
    assert problem("\n".join(" " * n + "a:" for n in range(900)))[0].startswith("more than")


@pytest.mark.parametrize(
    "text",
    ["!!python/object:os.system {}", "!x y", "!!set {a}", "!!binary aGk=", "!!int x", "!!bool on"],
)
def test_a_tag_that_has_no_meaning_or_does_not_fit_is_refused(text):
    assert problem(text)[1] == 1


@pytest.mark.parametrize("text", ["\0", "\udcff", '"\\0"', '"\\ud800"', '"\\UFFFFFFFF"', "\x1b[1m"])
def test_characters_that_no_text_holds_are_refused(text):
    problem(text)


@pytest.mark.parametrize("text", ["9" * 5000, "0x" + "f" * 5000, "-" + "1" * 41])
def test_a_number_without_end_is_refused_and_not_repeated(text):
    assert len(problem(text)[0]) < 100


def test_what_would_be_dropped_as_a_comment_is_refused_where_there_are_none():
    assert parse("/a #1") == "/a"
    for text in ("/a #1", "#1", "{a: 1} # b"):
        with pytest.raises(NotYaml, match="would be ignored as a comment; put the whole text in"):
            parse(text, comments=False)
    assert parse("'/a #1'", comments=False) == "/a #1"
    assert parse("a#1", comments=False) == "a#1"


TEXTS = st.text(
    st.characters(exclude_characters="\0", exclude_categories=["Cs"])
) | st.sampled_from(["1e3", "on", "12:30", "0123", "2019-01-01", "~", "1_0", "<<"])
SCALARS = st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.floats() | TEXTS
TREES = st.recursive(SCALARS, lambda t: st.lists(t) | st.dictionaries(TEXTS, t), max_leaves=8)


def same(one, other):
    return repr(one) == repr(other)  # nan is not equal to itself


@given(TREES)
def test_what_is_written_is_read_back_by_us(tree):
    assert same(parse(write(tree)), tree)


@given(TREES)
def test_what_is_written_is_read_back_by_others(tree):
    assert same(yaml.safe_load(write(tree)), tree)


@given(st.text() | st.text("{}[]:-&*!|>'\"%#?,\n\t <~0e1.ab", max_size=40))
def test_any_text_is_read_or_refused(text):
    with suppress(NotYaml):
        parse(text)
