from mindspore import Parameter, Tensor, nn, ops

from mindcast.compiled import compiled
from mindcast.kernels.waiting import Announcements


class Writing(nn.Cell):
    """Gives its result at once and writes late; what it writes is the number of an announcement."""

    def __init__(self) -> None:
        super().__init__()
        self.written = Parameter(Tensor([0.0]))
        self.number = Announcements().operator

    def construct(self, x):
        early = x.sum()
        late = x * early
        for _ in range(20):
            late = ops.tanh(ops.matmul(late, x))
        ops.assign(self.written, self.number(late))
        return early


def test_a_graph_announces_its_end_after_all_that_it_writes(switch):
    switch(True)
    cell, x = Writing(), ops.ones((500, 500)) * 0.01
    call = compiled(cell, True)
    for _ in range(3):
        call(x)
        written = float(cell.written.asnumpy()[0])
        assert written == Announcements().so_far() - 1  # the last was that of the end
