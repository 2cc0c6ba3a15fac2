"""What is asked of every file that is refused."""

import pytest

from mindcast.refusal import Refusal
from mindcast.weights.read import read_weights


def refusal(path):
    """The line that refuses a file, which is as it was afterwards."""
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(Refusal) as caught:
        read_weights(path)
    line = str(caught.value)
    assert line.startswith(f"{path}: ")
    assert line.isprintable()
    assert before is None or path.read_bytes() == before
    return line
