import inspect

import pytest

from mindcast.tasks import TASKS, load_task
from mindcast.tasks.base import Task


@pytest.mark.parametrize("name", TASKS)
def test_every_task_has_the_face_that_tests_call(name):
    task = load_task(name)
    for method in ("__init__", "case", "score", "keep", "write", "draw"):
        own, face = (inspect.signature(getattr(kind, method)) for kind in (task, Task))
        assert list(own.parameters) == list(face.parameters)
