"""What stands on a page, and the page as one HTML file that needs nothing beside it."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from mindcast.files import write_text
from mindcast.refusal import Refusal

if TYPE_CHECKING:
    import jinja2  # late at run time: few runs make a page

MEDIA = {".png": "image/png", ".gif": "image/gif"}


@dataclass(frozen=True)
class Table:
    """Rows of equally many cells; the first is the header, the first cell of each its name."""

    caption: str
    cells: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Picture:
    """A PNG or GIF file. text: what is seen, for those who do not see it."""

    path: Path
    caption: str
    text: str

    @property
    def moves(self) -> bool:
        """Whether it is a film: readers start it themselves."""
        return self.path.suffix == ".gif"

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, pixels."""
        from PIL import Image, UnidentifiedImageError

        try:
            with Image.open(self.path) as image:
                return image.size
        except UnidentifiedImageError:
            raise Refusal(f"{self.path}: cannot be read as a picture; draw it anew") from None

    @property
    def source(self) -> str:
        """The file as a "data:" address."""
        coded = base64.b64encode(self.path.read_bytes()).decode("ascii")
        return f"data:{MEDIA[self.path.suffix]};base64,{coded}"


@dataclass(frozen=True)
class Section:
    """A heading and what stands below it, in this order."""

    heading: str
    facts: Mapping[str, str] = field(default_factory=dict)
    tables: Sequence[Table] = ()
    notes: Sequence[str] = ()
    pictures: Sequence[Picture] = ()
    text: str = ""  # as it is, such as YAML; folded


@dataclass(frozen=True)
class Page:
    """A title, a sentence on what the page is of, and sections."""

    title: str
    summary: str
    sections: Sequence[Section]


def write_page(path: Path, page: Page) -> None:
    """Write the page with its pictures inside as the HTML file `path`, complete or not at all.

    Whatever stands in names, settings or labels is shown as text. No script, no address of another
    place. Refusal where a picture cannot be read or the page cannot be written.
    """
    try:
        text = render(page)
    except OSError as error:
        raise Refusal(f"{error.filename or path}: cannot be read ({error.strerror})") from None
    # names of files may hold bytes that are no text
    write_text(path, text.encode("utf-8", "backslashreplace").decode("utf-8"))


def render(page: Page) -> str:
    """The HTML of a page."""
    made = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return _template().render(page=page, style=_part("style.css"), made=made)


def _template() -> jinja2.Template:
    import jinja2

    words = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    return words.from_string(_part("page.html"))


def _part(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
