import numpy as np

from mindcast.models.geodiff.positions import rotary_frequencies, rotation_matrices

POSITIONS = np.array([0.0, 0.5, 2.0, 3.0])
SIZE, ROTATED = 8, 6


def test_turning_keeps_lengths_and_the_features_beyond_the_rotated():
    turns = rotation_matrices(POSITIONS, SIZE, ROTATED)
    x = np.random.default_rng(0).normal(size=SIZE)
    turned = x @ turns
    np.testing.assert_allclose(np.linalg.norm(turned, axis=1), np.linalg.norm(x))
    np.testing.assert_array_equal(turned[:, ROTATED:], np.tile(x[ROTATED:], (len(POSITIONS), 1)))
    np.testing.assert_array_equal(turned[0], x)


def test_a_pair_turns_by_position_times_frequency():
    angle = POSITIONS * rotary_frequencies(ROTATED)[1]
    x = np.zeros(SIZE)
    x[2] = 1
    turned = x @ rotation_matrices(POSITIONS, SIZE, ROTATED)
    np.testing.assert_allclose(turned[:, 2], np.cos(angle), atol=1e-7)
    np.testing.assert_allclose(turned[:, 3], np.sin(angle), atol=1e-7)


def test_products_of_turned_vectors_depend_on_the_distance_of_their_levels_only():
    query, key = np.random.default_rng(1).normal(size=(2, SIZE))
    positions = np.array([0.0, 1.5, 4.0, 5.5])
    turns = rotation_matrices(positions, SIZE, ROTATED)
    products = (query @ turns) @ (key @ turns).T
    np.testing.assert_allclose(products[0, 1], products[2, 3], atol=1e-6)
    np.testing.assert_allclose(products[1, 0], products[3, 2], atol=1e-6)
    assert abs(products[0, 1] - products[1, 0]) > 1e-3
