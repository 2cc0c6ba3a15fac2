from pathlib import Path
from typing import Literal

import pytest
from pydantic import Field, PositiveInt

from mindcast.config.frozen import Frozen
from mindcast.config.reference import Part, meaning, reference, sections_in
from mindcast.settings import parts


def all_types():
    types = [part.settings_type for part in parts()]
    for found in types:  # grows while it is walked
        for info in found.model_fields.values():
            types += [inner for inner in sections_in(info.annotation) if inner not in types]
    return types


@pytest.mark.parametrize("settings_type", all_types(), ids=lambda t: t.__name__)
def test_every_key_has_a_meaning_where_it_is_declared(settings_type):
    assert [n for n in settings_type.model_fields if not meaning(settings_type, n)] == []


def test_the_page_is_what_the_types_give():
    assert Path("docs/settings.md").read_text() == reference(parts()), "run `make settings`"


def test_every_key_of_the_page_is_written_once_and_a_type_used_again_is_referred_to():
    page = reference(parts())
    for part in page.split("\n## ")[1:]:
        keys = [line.split("|")[1] for line in part.splitlines() if line.startswith("| `")]
        assert len(keys) == len(set(keys))
    assert "Keys as in `model.deterministic` of Model geodiff." in page
    assert page.count("| `model.denoiser.first_kernel`") == 0


class Inner(Frozen):
    """An inner one."""

    widths: tuple[PositiveInt, ...] = Field(default=(1, 2), min_length=1)
    """Of a|b."""


class Base(Frozen):
    """A base."""

    share: float = Field(default=0.5, ge=0, lt=1)
    """A share,
    on two lines."""
    root: str = Field(min_length=1)
    """The folder."""
    kind: Literal["a", "b"] | None = None
    """Which."""
    pair: tuple[PositiveInt, PositiveInt] = (1, 1)
    """Two."""
    on: bool = False
    """Whether."""
    one: Inner = Inner()
    """The first."""
    other: Inner | None = None
    """The other."""


class Derived(Base):
    """A derived one."""

    share: float = Field(default=0.25, gt=0)
    undescribed: int = 3


def test_a_table_has_key_values_default_and_meaning():
    page = reference([Part("A part", "x", Base, " A note.")])
    assert page.partition("## A part\n")[2].splitlines() == [
        "",
        "A base. A note.",
        "",
        "| key | values | default | meaning |",
        "| --- | --- | --- | --- |",
        "| `x.share` | number >= 0, < 1 | `0.5` | A share, on two lines. |",
        "| `x.root` | text, not empty | required | The folder. |",
        "| `x.kind` | `a`, `b` or null | `null` | Which. |",
        "| `x.pair` | [integer > 0, integer > 0] | `[1, 1]` | Two. |",
        "| `x.on` | true, false | `false` | Whether. |",
        "| `x.one` | section |  | The first. Keys below. |",
        "| `x.other` | section or null | `null` | The other. Keys as in `x.one` of A part. |",
        "",
        "### `x.one`",
        "",
        "An inner one.",
        "",
        "| key | values | default | meaning |",
        "| --- | --- | --- | --- |",
        "| `x.one.widths` | list of integer > 0, not empty | `[1, 2]` | Of a\\|b. |",
    ]


def test_a_key_declared_anew_keeps_the_meaning_of_its_base_and_one_without_is_found():
    assert meaning(Derived, "share") == "A share, on two lines."
    assert meaning(Derived, "undescribed") == ""
