import base64
import re

import pytest
from PIL import Image

from mindcast.page.document import Page, Picture, Section, Table, render, write_page
from mindcast.refusal import Refusal
from tests.page.pages import Seen

HOSTILE = "<script>alert('1')</script>\"><img src=x onerror=alert(1)>&{{ 7 * 7 }}"


@pytest.fixture
def pictures(tmp_path):
    found = []
    for name in ("a.png", "b.gif"):
        Image.new("RGB", (30, 20)).save(tmp_path / name)
        found.append(Picture(tmp_path / name, f"caption of {name}", f"what {name} shows"))
    return found


def page(pictures=(), text="seed: 7"):
    sections = [
        Section("Scores", {"Seed": "7"}, [Table("All", [["method", "CSI"], ["ours", "0.5"]])]),
        Section("Pictures", pictures=pictures, notes=["A note."]),
        Section("Settings", text=text),
    ]
    return Page("A title", "A summary.", sections)


def test_all_that_is_given_stands_on_the_page(pictures):
    seen = Seen(render(page(pictures)))
    assert not seen.unclosed
    words = ("A title", "A summary.", "Seed", "7", "method", "0.5", "A note.", "seed: 7")
    for word in (*words, "caption of a.png", "caption of b.gif"):
        assert word in seen.text


def test_pictures_are_inside_with_their_sizes_and_words_for_those_who_do_not_see_them(pictures):
    images = Seen(render(page(pictures))).all("img")
    assert [image["alt"] for image in images] == ["what a.png shows", "what b.gif shows"]
    for image, picture, kind in zip(images, pictures, ("png", "gif"), strict=True):
        head, _, coded = image["src"].partition(",")
        assert head == f"data:image/{kind};base64"
        assert base64.b64decode(coded) == picture.path.read_bytes()
        assert (image["width"], image["height"]) == ("30", "20")


def test_a_film_does_not_move_before_it_is_asked_to(pictures):
    html = render(page(pictures))
    folded = re.search(
        r"<details>\s*<summary>Play: caption of b.gif</summary>.*?</details>", html, re.S
    )
    assert "image/gif" in folded[0]
    assert html.count("image/gif") == 1
    assert "open" not in Seen(html).all("details")[0]


def test_headers_of_tables_say_what_they_are_of():
    seen = Seen(render(page()))
    assert [header["scope"] for header in seen.all("th")] == ["col", "col", "row"]
    assert seen.text.count("All") == 1  # the caption


def test_the_page_can_be_read_by_keyboard_and_screen_reader(pictures):
    seen = Seen(render(page(pictures)))
    assert seen.all("html") == [{"lang": "en"}]
    places = {attributes["id"] for _, attributes in seen.elements if "id" in attributes}
    links = [attributes["href"] for attributes in seen.all("a")]
    assert links == ["#content", "#s1", "#s2", "#s3"]
    assert {link[1:] for link in links} == places
    for region in (a for a in seen.all("div") if a.get("role") == "region"):
        assert region["tabindex"] == "0"  # what scrolls is reached by keys
        assert region["aria-label"]
    for section in seen.all("section"):
        assert section["aria-labelledby"] in places


def test_the_page_needs_nothing_from_elsewhere(pictures):
    html = render(page(pictures))
    seen = Seen(html)
    assert not {tag for tag, _ in seen.elements} & {"script", "link", "iframe", "object", "base"}
    for tag, attributes in seen.elements:
        for name, value in attributes.items():
            assert not name.startswith("on"), tag
            if name in ("src", "href"):
                assert value.startswith(("#", "data:image/"))
    assert "url(" not in html
    assert "@import" not in html
    policies = [a["content"] for a in seen.all("meta") if "http-equiv" in a]
    assert policies == ["default-src 'none'; img-src data:; style-src 'unsafe-inline'"]


def test_whatever_stands_in_names_and_settings_is_shown_as_text(tmp_path):
    path = tmp_path / "a.png"
    Image.new("RGB", (3, 2)).save(path)
    section = Section(
        HOSTILE,
        {HOSTILE: HOSTILE},
        [Table(HOSTILE, [[HOSTILE, HOSTILE], [HOSTILE, HOSTILE]])],
        [HOSTILE],
        [Picture(path, HOSTILE, HOSTILE)],
        HOSTILE,
    )
    seen = Seen(render(Page(HOSTILE, HOSTILE, [section])))
    assert not seen.all("script")
    (image,) = seen.all("img")
    assert image["alt"] == HOSTILE
    assert "onerror" not in image
    # title, two headings, summary, link, fact 2, table's caption and 4 cells, note, picture's
    # caption, settings
    assert seen.text.count(HOSTILE) == 15
    assert not seen.unclosed


def test_a_name_of_a_file_that_is_no_text_is_shown_escaped(tmp_path):
    write_page(tmp_path / "a.html", page(text="input: radar\udcff.h5"))
    assert "radar\\udcff.h5" in (tmp_path / "a.html").read_text("utf-8")


def test_both_colour_schemes_and_paper_are_provided_for():
    html = render(page())
    for words in ("prefers-color-scheme: dark", "@media print", "width=device-width"):
        assert words in html


def test_the_file_is_complete_or_absent(tmp_path, pictures):
    write_page(tmp_path / "page" / "a.html", page(pictures))
    assert (tmp_path / "page" / "a.html").read_text("utf-8").endswith("</html>")
    assert len(list((tmp_path / "page").iterdir())) == 1
    pictures[0].path.unlink()
    with pytest.raises(Refusal, match=r"a\.png: cannot be read \(No such file"):
        write_page(tmp_path / "other" / "a.html", page(pictures))
    assert not (tmp_path / "other").exists()
    pictures[1].path.write_bytes(b"no picture")
    with pytest.raises(Refusal, match=r"b\.gif: cannot be read as a picture"):
        write_page(tmp_path / "other" / "a.html", page(pictures[1:]))
