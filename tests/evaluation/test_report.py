import json

import numpy as np

from mindcast.evaluation.report import write_report


def test_lists_of_numbers_stand_on_one_line_and_nothing_is_lost(tmp_path):
    result = {
        "rows": {"a [1]": {"curve": np.arange(3), "pairs": [(1, None), (2.5, float("nan"))]}},
        "empty": [{}, []],
        "text": 'a\n"b" [ 1,\n 2 ]',
    }
    write_report(tmp_path, result, {"seed": 7}, ("a",), [])
    text = (tmp_path / "scores.json").read_text()
    assert json.loads(text) == {
        "provenance": {"seed": 7},
        "rows": {"a [1]": {"curve": [0, 1, 2], "pairs": [[1, None], [2.5, None]]}},
        "empty": [{}, []],
        "text": 'a\n"b" [ 1,\n 2 ]',
    }
    assert '"curve": [0, 1, 2]' in text
    assert "\n    [2.5, null]" in text
