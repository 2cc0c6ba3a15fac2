import re
from pathlib import Path

import pytest

ENGLISH, CHINESE = (
    Path(name).read_text(encoding="utf-8") for name in ("README.md", "README_CN.md")
)
PAGES = [
    "README.md",
    "README_CN.md",
    "CONTRIBUTING.md",
    *map(str, sorted(Path("docs").glob("*.md"))),
]
# sections whose tables, and what is read from them, README.md alone has
SHORTENED = ("PreDiff on real radar", "DiffCast on real radar", "GeoDiff on real temperature")
FENCE = re.compile(r"^```\w*\n(.*?)^```$", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\(([^)\s]+)\)")


def sections(text):
    """(heading, what stands below it), in order; the first is that of the page itself."""
    heads = re.split(r"^#{1,2} (.+)$", text, flags=re.MULTILINE)
    return list(zip(heads[1::2], heads[2::2], strict=True))


def commands(text):
    """Fenced lines without the remarks behind them."""
    return [re.sub(r"\s+# .*", "", block) for block in FENCE.findall(text)]


def words(text):
    """The inline code of a text, each once; spaces as a line break leaves them."""
    return {" ".join(code.split()) for code in re.findall(r"`([^`]+)`", FENCE.sub("", text))}


PAIRS = list(zip(sections(ENGLISH), sections(CHINESE), strict=True))
SECTIONS = pytest.mark.parametrize(
    ("english", "chinese"), PAIRS, ids=[english[0] for english, _ in PAIRS]
)


@SECTIONS
def test_both_have_the_same_commands_in_the_same_order(english, chinese):
    assert commands(chinese[1]) == commands(english[1])


@SECTIONS
def test_the_chinese_names_the_same_options_settings_and_files(english, chinese):
    if english[0] in SHORTENED:
        assert words(chinese[1]) <= words(english[1])
    else:
        assert words(chinese[1]) == words(english[1])


@SECTIONS
def test_the_chinese_leads_to_all_pages_and_pictures_that_the_english_does(english, chinese):
    assert set(LINK.findall(english[1])) - {"README_CN.md"} <= set(LINK.findall(chinese[1]))


def test_what_is_shortened_is_there_and_says_where_the_rest_stands():
    links = {english[0]: LINK.findall(chinese[1]) for english, chinese in PAIRS}
    for heading in SHORTENED:
        assert f"README.md#{anchor(heading)}" in links[heading]


def test_each_leads_to_the_other():
    assert "README_CN.md" in LINK.findall(ENGLISH[:200])
    assert "README.md" in LINK.findall(CHINESE[:200])


def anchor(heading):
    """What GitHub calls a heading in an address."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_to_a_file_and_a_heading_that_exist(page):
    text = FENCE.sub("", Path(page).read_text(encoding="utf-8"))
    for link in LINK.findall(text):
        if link.startswith(("https://", "http://")):
            continue
        name, _, part = link.partition("#")
        there = Path(page).parent / name if name else Path(page)
        assert there.exists(), link
        if part:
            headings = re.findall(r"^#+ (.+)$", there.read_text(encoding="utf-8"), re.MULTILINE)
            assert part in map(anchor, headings), link
