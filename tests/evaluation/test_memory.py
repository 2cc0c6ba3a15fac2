import ast
import io
import json
from pathlib import Path

import numpy as np
import pytest

from mindcast import evaluation
from mindcast.evaluation import unfinished
from mindcast.evaluation.downscale.suite import DownscaleSuite
from mindcast.evaluation.memory import recall, remembered
from mindcast.evaluation.nowcast.suite import NowcastSuite
from mindcast.evaluation.report import plain
from mindcast.evaluation.unfinished import Unfinished
from mindcast.refusal import Refusal
from tests.evaluation.downscale import fields

CASES = 4


def nowcast():
    return NowcastSuite(("ours", "alone"), (16, 74), 255, (1, 4), (10, 20, 30))


def nowcast_case(number):
    rng = np.random.default_rng(number)
    ensemble = rng.random((1, 3, 3, 16, 16, 1), np.float32)
    truth = rng.random((1, 3, 16, 16, 1), np.float32)
    truth[0, 0, :number] = np.nan
    return {"ours": ensemble, "alone": ensemble[:, 0]}, truth


def downscale():
    return DownscaleSuite(("bicubic", "ours"), fields.LEVELS)


def downscale_case(number):
    """Domains of two sizes; members that equal the truth, so that ranks are shared."""
    ensemble, truth = fields.draw(number, cases=1, side=16 if number % 2 else 24)
    ensemble[:, 0] = truth
    forecasts = {"bicubic": ensemble[:, 1, ..., None], "ours": ensemble[..., None]}
    return forecasts, fields.target_of(truth)


KINDS = {"nowcast": (nowcast, nowcast_case), "downscale": (downscale, downscale_case)}


def added(suite, case, numbers):
    for number in numbers:
        forecasts, against = case(number)
        for method, forecast in forecasts.items():
            suite.update(method, forecast, against)
    return suite


def through_a_file(arrays):
    file = io.BytesIO()
    np.savez(file, **arrays)
    file.seek(0)
    return dict(np.load(file, allow_pickle=False))


def text(suite):
    return json.dumps(plain(suite.result()))  # every digit; null where undefined


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("stopped_after", range(CASES + 1))
def test_a_suite_that_goes_on_from_its_state_ends_like_one_that_never_stopped(kind, stopped_after):
    make, case = KINDS[kind]
    whole = added(make(), case, range(CASES))
    first = added(make(), case, range(stopped_after))
    second = make()
    second.restore(through_a_file(first.state()))
    assert text(second) == text(first)
    added(second, case, range(stopped_after, CASES))
    assert text(second) == text(whole)
    assert second.state().keys() == whole.state().keys()


@pytest.mark.parametrize("kind", KINDS)
def test_a_state_is_of_arrays_that_need_no_pickle(kind):
    make, case = KINDS[kind]
    state = added(make(), case, range(2)).state()
    assert state
    assert all(array.dtype.kind in "biufU" for array in state.values())


def rows_of(kind, method):
    make, case = KINDS[kind]
    return added(make(), case, range(1)).rows[method]


def test_a_state_of_other_scores_is_refused():
    arrays = remembered(rows_of("nowcast", "ours"), "ours")
    with pytest.raises(KeyError):
        recall(rows_of("downscale", "ours"), arrays, "ours")


def test_a_state_from_before_the_probability_matched_mean_is_refused():
    state = added(nowcast(), nowcast_case, range(1)).state()
    two_rows = {path: a for path, a in state.items() if not path.startswith("ours/2/")}
    with pytest.raises(KeyError):
        nowcast().restore(two_rows)


def test_a_state_from_before_fractions_and_spectra_is_refused():
    state = added(nowcast(), nowcast_case, range(1)).state()
    for word in ("squares", "of_truth"):
        older = {path: a for path, a in state.items() if not path.endswith(f"/{word}")}
        assert len(older) < len(state)
        with pytest.raises(KeyError):
            nowcast().restore(older)


def test_the_tests_above_see_every_score_of_the_room():
    scores = [s for kind in KINDS for row in rows_of(kind, "ours") for s in row.of_field]
    scores += [s for kind in KINDS for row in rows_of(kind, "ours") for s in row.of_ensemble]
    held = {type(score).__name__ for score in scores} | {"RankHistogram"}  # an attribute of a row
    room, known = Path(evaluation.__file__).parent, set()
    for path in room.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                methods = {getattr(part, "name", "") for part in node.body}
                known |= {node.name} if {"update", "result"} <= methods else set()
    assert known - held <= {"Score", "Row", "_FieldRow", "_LeadRow"}
    assert {"PowerSpectra", "RadialSpectra", "FractionsSkill"} <= held


def test_the_state_of_a_report_is_read_back(tmp_path):
    sums = added(nowcast(), nowcast_case, range(2)).state()
    unfinished.write(tmp_path, Unfinished({"settings": {"a": [1, None]}}, 2, sums), "")
    found = unfinished.read(tmp_path)
    assert (found.identity, found.cases) == ({"settings": {"a": [1, None]}}, 2)
    assert found.sums.keys() == sums.keys()
    for name, array in sums.items():
        np.testing.assert_array_equal(found.sums[name], array)
    assert [path.name for path in tmp_path.iterdir()] == ["unfinished.npz"]


def test_a_report_without_a_state_is_a_finished_one(tmp_path):
    assert unfinished.read(tmp_path) is None


@pytest.mark.parametrize("content", [b"", b"thesis", b"PK\x03\x04" + bytes(50)])
def test_a_damaged_state_is_refused(tmp_path, content):
    (tmp_path / "unfinished.npz").write_bytes(content)
    with pytest.raises(Refusal, match=r"unfinished\.npz: cannot be read .*leave out --resume"):
        unfinished.read(tmp_path)
