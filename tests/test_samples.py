from dataclasses import replace

import numpy as np
import pytest

from mindcast.samples import NowcastInput, Sample, from_named, stacked


def sample(value, truth=True):
    context = np.full((2, 4, 4, 1), value, np.float32)
    return Sample(NowcastInput(context), 2 * context[:1] if truth else None)


def test_the_arrays_of_a_sample_go_by_name_and_back():
    one = sample(3.0)
    assert list(one.named) == ["context", "truth"]
    again = from_named(NowcastInput, one.named)
    assert again.input.context is one.input.context
    assert again.truth is one.truth


def test_a_sample_without_a_truth_has_its_input_alone():
    one = sample(3.0, truth=False)
    assert list(one.named) == ["context"]
    assert from_named(NowcastInput, one.named).truth is None
    assert one.batched().truth is None
    with pytest.raises(ValueError, match="no truth"):
        _ = one.known_truth


def test_what_was_not_asked_for_is_no_array_of_the_sample():
    one = sample(3.0)
    assert one.mapped(lambda array: 2 * array).input.extrapolated is None
    frames = np.full((1, 4, 4, 3), 7, np.float32)
    more = replace(one, input=replace(one.input, extrapolated=frames))
    assert list(more.named) == ["context", "extrapolated", "truth"]
    batch = stacked([more, more.mapped(lambda array: 2 * array)])
    assert batch.input.extrapolated.shape == (2, 1, 4, 4, 3)
    assert (batch.input.extrapolated[1] == 14).all()
    assert from_named(NowcastInput, batch.named).input.extrapolated is batch.input.extrapolated


def test_samples_become_a_batch_in_their_order_and_come_out_of_it():
    batch = stacked([sample(1.0), sample(5.0)])
    assert batch.input.context.shape == (2, 2, 4, 4, 1)
    assert batch.truth.shape == (2, 1, 4, 4, 1)
    second = batch.cases(slice(1, 2))
    assert second.input.context.shape[0] == 1
    assert (second.truth == 10).all()
    np.testing.assert_array_equal(sample(5.0).batched().truth, second.truth)


def test_a_function_of_every_array_leaves_the_sample_as_it_was():
    one = sample(1.0)
    twice = one.mapped(lambda array: 2 * array)
    assert (twice.input.context == 2).all()
    assert (twice.truth == 4).all()
    assert (one.input.context == 1).all()


def test_an_input_cannot_be_changed_in_place():
    with pytest.raises(AttributeError):
        sample(1.0).input.context = np.zeros(1)
