import pytest

from tests.bench.cases import released
from tests.bench.player import Measured, Rounds, sum_up
from tests.bench.processes import Ended, worker


def calls(rounds, seconds):
    spent = []
    for _ in rounds.counted(spent):
        spent.append(seconds)
    return len(spent)


def test_dear_calls_end_with_the_least_number_and_cheap_ones_with_the_most():
    rounds = Rounds(least=3, most=9, seconds=15)
    assert calls(rounds, 100.0) == 3
    assert calls(rounds, 3.0) == 5  # 15 s are spent then
    assert calls(rounds, 0.1) == 9


def test_what_is_reported_are_the_medians_of_the_calls():
    result = Measured("mindspore", calls=[(1.0, 4.0), (9.0, 6.0), (2.0, 5.0)])
    sum_up(result)
    assert (result.seconds, result.cpu_seconds) == (2.0, 5.0)


def test_without_calls_there_are_no_seconds():
    result = Measured("mindspore", problem="killed at 3.0 GB")
    sum_up(result)
    assert result.seconds is None


def test_a_worker_beyond_its_memory_is_killed_and_says_at_how_much():
    with pytest.raises(Ended, match=r"^killed at 0\.\d GB$"), worker("reading", limit=1e6):
        pass


@pytest.mark.slow
def test_a_worker_leaves_its_graphs_where_the_next_finds_them(tmp_path):
    (case,) = (case for case in released() if case.name == "prediff alignment")
    kept = []
    for _ in range(2):
        with worker("mindspore", graphs=str(tmp_path)) as one:
            one.ask("prepare", case=case.plain())
            one.ask("call")
        kept.append({path for path in tmp_path.rglob("*") if path.is_file()})
    assert kept[0]
    assert kept[0] == kept[1]


def test_a_worker_that_fails_hands_on_its_last_words():
    with (
        worker("reading") as one,
        pytest.raises(Ended, match=r"^failed: .*/nowhere"),
    ):
        one.ask("prepare", root="/nowhere")
