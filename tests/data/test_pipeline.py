from dataclasses import replace

import numpy as np
import pytest

from mindcast.data import find_augmentation, open_split
from mindcast.data.pipeline import Batches
from mindcast.refusal import Refusal
from mindcast.samples import NowcastInput, Sample
from tests.data.radar.archive.archives import settings, window, write_archive


class Numbered:
    """Ten samples of three frames; frame t of sample i holds 10 i + t and, in a corner, 1000."""

    input_type = NowcastInput
    keys = np.arange(100, 110)
    source = "numbered train split"
    name = "number"

    def __init__(self, nan_at=None, context=1):
        self.nan_at, self.context = nan_at, context

    @property
    def shapes(self):
        return {name: array.shape for name, array in self[0].named.items()}

    def __len__(self):
        return 10

    def __getitem__(self, i):
        frames = 10.0 * i + np.arange(3, dtype=np.float32)
        sample = np.tile(frames[:, None, None, None], (1, 4, 4, 1))
        sample[:, 0, 1] = np.nan if i == self.nan_at else 1000
        truth = sample[self.context :] if self.context < 3 else None
        return Sample(NowcastInput(sample[: self.context]), truth)

    def label(self, i):
        return f"{self.name} {i}"


def derived(sample, rng):
    """The sample with two channels more: its context, and a number that was drawn."""
    context = sample.input.context
    drawn = np.full_like(context, rng.standard_normal())
    both = np.concatenate([context, drawn], axis=-1)
    return replace(sample, input=replace(sample.input, extrapolated=both))


def batches(size=4, seed=0, augmentation="none", **changes):
    return Batches(Numbered(), size, seed, find_augmentation(augmentation), **changes)


def seen(batched, epoch=0, start=0, every=1):
    return [(keys.copy(), frames(batch)) for keys, batch in batched.epoch(epoch, start, every)]


def frames(batch):
    return np.concatenate([batch.input.context, batch.truth], axis=1)


def keys_of(pairs):
    return np.concatenate([keys for keys, _ in pairs])


def assert_equal(got, expected):
    assert len(got) == len(expected)
    for (got_keys, got_batch), (keys, batch) in zip(got, expected, strict=True):
        np.testing.assert_array_equal(got_keys, keys)
        np.testing.assert_array_equal(got_batch, batch)


def test_a_batch_holds_keys_and_the_samples_of_those_keys():
    keys, batch = seen(batches())[0]
    assert keys.dtype == np.int64
    assert batch.dtype == np.float32
    assert batch.shape == (4, 3, 4, 4, 1)
    np.testing.assert_array_equal(batch[:, 2, 3, 3, 0], 10 * (keys - 100) + 2)


def test_an_epoch_visits_every_sample_once_in_a_new_order():
    batched = batches(drop_remainder=False)
    first, second = (keys_of(seen(batched, epoch)) for epoch in (0, 1))
    assert sorted(first) == sorted(second) == list(range(100, 110))
    assert list(first) != list(second)
    assert list(first) != list(range(100, 110))


def test_without_shuffling_samples_come_as_they_are():
    for epoch in (0, 1):
        pairs = seen(batches(shuffle=False, drop_remainder=False), epoch)
        assert list(keys_of(pairs)) == list(range(100, 110))


def test_the_last_small_batch_is_dropped_or_kept_as_asked():
    # ten samples in batches of four: 4, 4 and a rest of 2
    assert batches().batches_per_epoch == len(seen(batches())) == 2
    kept = batches(drop_remainder=False)
    assert kept.batches_per_epoch == 3
    assert [len(keys) for keys, _ in seen(kept)] == [4, 4, 2]


@pytest.mark.parametrize("augmentation", ["none", "any_angle", "quarter_turns"])
def test_a_resumed_epoch_goes_on_exactly_where_it_was_left(augmentation):
    batched = batches(size=2, augmentation=augmentation)
    whole = seen(batched, epoch=3)
    resumed = batches(size=2, augmentation=augmentation)
    assert_equal(seen(resumed, epoch=3, start=2), whole[2:])
    assert seen(resumed, epoch=3, start=5) == []


def test_an_epoch_left_early_can_be_begun_again():
    batched = batches(augmentation="quarter_turns")
    whole = seen(batched)
    iterator = batched.epoch(0)
    next(iterator)
    iterator.close()
    assert_equal(seen(batched), whole)


def test_the_number_of_workers_changes_nothing():
    alone = seen(batches(size=2, augmentation="any_angle"))
    assert_equal(seen(batches(size=2, augmentation="any_angle", workers=2)), alone)


def test_seed_and_epoch_change_order_and_augmentation():
    def corner(seed, epoch):
        ordered = batches(size=10, seed=seed, shuffle=False, augmentation="quarter_turns")
        return seen(ordered, epoch)[0][1]

    assert not np.array_equal(corner(0, 0), corner(0, 1))
    assert not np.array_equal(corner(0, 0), corner(1, 0))
    assert not np.array_equal(keys_of(seen(batches(seed=0))), keys_of(seen(batches(seed=1))))


def test_augmentation_of_a_sample_does_not_depend_on_its_place_in_the_epoch():
    shuffled = batches(size=10, augmentation="quarter_turns")
    ordered = batches(size=10, augmentation="quarter_turns", shuffle=False)
    (keys, batch), (_, expected) = seen(shuffled)[0], seen(ordered)[0]
    np.testing.assert_array_equal(batch, expected[keys - 100])


def test_what_is_derived_sees_the_augmented_sample_and_leaves_its_augmentation_as_it_is():
    options = {"size": 10, "augmentation": "any_angle", "shuffle": False}
    ((_, batch),) = batches(derive=derived, **options).epoch(0)
    np.testing.assert_array_equal(frames(batch), seen(batches(**options))[0][1])
    np.testing.assert_array_equal(batch.input.extrapolated[..., :1], batch.input.context)


def test_what_is_derived_depends_on_seed_epoch_and_key_alone():
    def drawn(epoch=0, start=0, **changes):
        pairs = batches(derive=derived, **changes).epoch(epoch, start)
        return {
            int(key): float(number)
            for keys, batch in pairs
            for key, number in zip(keys, batch.input.extrapolated[:, 0, 0, 0, 1], strict=True)
        }

    every = drawn(size=10)
    assert len(set(every.values())) == 10
    resumed = drawn(size=2, start=2)
    assert len(resumed) == 6
    assert resumed.items() <= every.items()
    assert drawn(size=5, shuffle=False, augmentation="quarter_turns") == every
    assert drawn(size=2, workers=2) == every
    assert drawn(size=10, epoch=1)[104] != every[104]
    assert drawn(size=10, seed=1)[104] != every[104]


def test_dealt_out_batches_are_those_of_one_process():
    batched = batches(size=2, drop_remainder=False)
    alone = seen(batched, epoch=1)
    for start, every in ((0, 2), (1, 2), (2, 3), (4, 2), (5, 2)):
        assert_equal(seen(batched, 1, start, every), alone[start::every])


def test_a_smaller_last_batch_is_dealt_out_too():
    batched = batches(size=4, drop_remainder=False)
    sizes = [[len(keys) for keys, _ in batched.epoch(0, start, 2)] for start in (0, 1)]
    assert sizes == [[4, 2], [4]]


def test_too_few_samples_for_one_batch_are_refused():
    with pytest.raises(Refusal, match=r"numbered train split: 10 samples, expected at least a ba"):
        batches(size=11)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_sample_with_nan_is_refused_by_its_name(workers):
    quarter_turns = find_augmentation("quarter_turns")
    batched = Batches(Numbered(nan_at=7), 5, 0, quarter_turns, workers=workers)
    batched.samples.name = "número"
    with pytest.raises(Refusal, match=r"sample número 7 holds NaN") as caught:
        seen(batched)
    assert "\n" not in str(caught.value)


def test_a_refusal_of_the_reader_arrives_as_it_was(tmp_path):
    write_archive(tmp_path)
    sequences = open_split(settings(tmp_path), "train", window())
    batched = Batches(sequences, 2, 0)
    assert len(seen(batched)) == 6
    sequences._files.close()
    (tmp_path / "data" / "vil" / "2019" / "A.h5").unlink()
    with pytest.raises(Refusal, match=r"A\.h5: no such file"):
        seen(batched)


def test_samples_without_truth_make_batches_without():
    (_, batch), *_ = Batches(Numbered(context=3), 4, 0, find_augmentation("any_angle")).epoch(0)
    assert batch.truth is None
    assert batch.input.context.shape == (4, 3, 4, 4, 1)
