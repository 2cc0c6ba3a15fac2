import mindspore as ms
import numpy as np
from mindspore import Tensor, nn

from mindcast.layers.row_gather import copies_of_rows, row_gather


def test_copies_name_every_use_of_every_row():
    copies = copies_of_rows(np.array([2, 0, 2, 3, 0]), rows=3)
    # row 0 went to 1 and 4, row 1 nowhere (5 = size), row 2 to 0 and 2; 3 is the zero row
    assert copies.tolist() == [[1, 5, 0], [4, 5, 2]]


def test_identity_index_costs_nothing():
    assert isinstance(row_gather(np.arange(4), 4), nn.Identity)


def test_gather_and_its_gradient_equal_the_selection_matrix(kernels):
    rng = np.random.default_rng(0)
    index, rows = np.array([2, 0, 2, 3, 0, 3]), 3
    x = rng.normal(size=(2, rows, 4)).astype(np.float32)
    cotangent = rng.normal(size=(2, index.size, 4)).astype(np.float32)
    select = np.eye(rows + 1, dtype=np.float32)[index][:, :rows]
    cell = row_gather(index, rows)

    def loss(value):
        return (cell(value) * Tensor(cotangent)).sum()

    np.testing.assert_array_equal(cell(Tensor(x)).asnumpy(), select @ x)
    gradient = ms.grad(loss)(Tensor(x)).asnumpy()
    np.testing.assert_allclose(gradient, select.T @ cotangent, atol=1e-6)
