import pytest

from mindcast.config.schema import StageTraining
from mindcast.training.plan import Plan
from mindcast.training.schedule import learning_rate


def plan(steps_per_epoch=3, **options):
    return Plan(StageTraining.model_validate({"micro_batch_size": 1, **options}), steps_per_epoch)


def when(happens, last):
    return [done for done in range(1, last + 1) if happens(done)]


def test_a_training_is_as_long_as_its_epochs_unless_its_steps_are_given():
    assert plan(epochs=4).total == 12
    assert plan(epochs=4, max_steps=7).total == 7


def test_an_epoch_begins_again_after_its_steps():
    assert [plan().place(step) for step in (0, 2, 3, 7)] == [(0, 0), (0, 2), (1, 0), (2, 1)]


def test_an_interval_of_the_log_ends_every_so_many_steps_and_with_the_last():
    made = plan(max_steps=7, log_every_steps=3)
    assert when(made.logs, 7) == [3, 6, 7]


@pytest.mark.parametrize(("every", "steps"), [(0, [3, 6, 7]), (2, [2, 4, 6, 7])])
def test_validations_come_once_an_epoch_or_as_often_as_wanted_and_at_the_end(every, steps):
    made = plan(max_steps=7, validate_every_steps=every)
    assert when(made.validates, 7) == steps
    assert when(made.ends, 7) == [7]


def test_the_rate_is_that_of_the_schedule_over_all_steps():
    made = plan(epochs=4, learning_rate=0.5, decay="linear", final_ratio=0.1, warmup_fraction=0.25)
    # 3 of 12 steps rise from a tenth of the rate
    assert made.rate(0) == pytest.approx(0.05)
    assert made.rate(3) == pytest.approx(0.5)
    expected = learning_rate(8, 12, 0.5, warmup_fraction=0.25, floor=0.1, decay="linear")
    assert made.rate(8) == expected
