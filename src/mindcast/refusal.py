"""The one exception for what a user can cause, and the words of other errors in its one line."""

from __future__ import annotations

EXIT_CODE = 2


class Refusal(ValueError):
    """A request that cannot be served as it stands; its text is the one line that the user reads.

    The text names the file or key, what was found, what was expected and what to do. `main.py`
    prints it without a traceback and leaves with `EXIT_CODE`.
    """


def one_line(error: BaseException) -> str:
    """What an error says; libraries report in several lines, a refusal has one."""
    return " ".join(str(error).split())
