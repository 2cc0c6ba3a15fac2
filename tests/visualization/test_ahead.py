import threading

import pytest

from mindcast.refusal import Refusal
from mindcast.visualization.ahead import ahead


def test_work_is_begun_at_once_and_its_result_is_waited_for():
    begun, go_on = threading.Event(), threading.Event()

    def work():
        begun.set()
        assert go_on.wait(60)
        return 7

    result = ahead(work)
    assert begun.wait(60)
    go_on.set()
    assert result() == result() == 7


def test_an_error_comes_out_where_the_result_is_wanted():
    def work():
        raise Refusal("no room")

    result = ahead(work)
    with pytest.raises(Refusal, match="no room"):
        result()
