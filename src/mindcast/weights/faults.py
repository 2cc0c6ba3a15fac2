"""Why a file of weights cannot be taken."""

from __future__ import annotations

LONGEST = 80  # characters of a name that a refusal shows


class Damaged(ValueError):
    """The bytes are not what the format says they are; the text is the reason."""


class Forbidden(ValueError):
    """A pickle asks for something that is no tensor, number or text; the text says for what."""


class Unfit(ValueError):
    """The file is whole and harmless, but of no use here; the text says what to do."""


def shown(name: object) -> str:
    """A name that stands in a file, fit for one line of a terminal."""
    text = "".join(c if c.isprintable() else "?" for c in str(name)[: LONGEST + 1])
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
