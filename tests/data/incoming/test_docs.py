import re
from pathlib import Path

import pytest
import yaml

from mindcast.config.incoming import Conversion, InputSettings, PowerLawSettings
from mindcast.data import DATASETS
from mindcast.data.incoming.formats import FORMATS

PAGE = (Path(__file__).parents[3] / "docs/data.md").read_text(encoding="utf-8")
TABLE = PAGE[PAGE.index("| `input.format` |") : PAGE.index("With the files of")]
BLOCKS = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


def test_the_table_names_every_format():
    first_cells = [row.split("|")[1] for row in TABLE.splitlines()[2:] if row]
    named = [name for cell in first_cells for name in re.findall(r"`(\w+)`", cell)]
    assert sorted(named) == sorted(FORMATS)


def test_every_setting_that_is_named_exists():
    known = {*InputSettings.model_fields, *Conversion.model_fields, "zr"}
    for key in re.findall(r"input\.(\w+)", PAGE):
        assert key in known
    for key in re.findall(r"input\.zr\.(\w+)", PAGE):
        assert key in PowerLawSettings.model_fields


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.split()[2])
def test_the_settings_of_the_page_are_valid(block):
    tree = yaml.safe_load(block)["data"]
    settings = DATASETS[tree["name"]].settings_type.model_validate(tree)
    assert settings.composites is not None


def test_the_settings_that_a_format_is_said_to_need_are_taken_by_it():
    for row in filter(None, TABLE.splitlines()[2:]):
        cells = row.split("|")
        for name in re.findall(r"`(\w+)`", cells[1]):
            for key in re.findall(r"input\.(\w+)", "".join(cells[3:])):
                assert key in FORMATS[name].takes
