import os
import subprocess
import sys
from pathlib import Path

import pytest

from mindcast.models import MODELS
from tests.contract.compile_all import NOT_KEPT
from tests.contract.graphs import LAST_PASS, Operator, graphs, offenders, operators

ROOT = Path(__file__).parents[2]
SHARE = 1 / 5  # of the largest output of a model's graphs; what has a single channel is less

F = "<Tensor[Float32]"
TEXT = f"""
  %7(CNode_1) = PrimFunc_Add(%5, %6) cnode_attrs: {{checkpoint: Bool(1)}}
      : ({F}, (2, 6, 8)>, <Ref[Tensor[Float32]], (6, 1), ref_key=:w>) -> ({F}, (2, 6, 8)>)
      # Fullname with scope: (Default/Add-op0)
      # In file /somewhere/src/mindcast/compiled.py:36~37, 4~32/    def call(*inputs):/
      # In file /somewhere/src/mindcast/layers/dense.py:31, 15~23/        rows + bias/
      # In file /python/site-packages/mindspore/ops/composite/base.py:578~582, 8~26/        x/
  %8(CNode_2) = PrimFunc_Add(%7, %7)
      : ({F}, (2, 6, 8)>, {F}, (2, 6, 8)>) -> ({F}, (2, 6, 8)>)
  %9(CNode_3) = PrimFunc_Mul(%8, Tensor(shape=[], dtype=Float32, value=2))
      : ({F}, (2, 6, 8)>, {F}, ()>) -> ({F}, (2, 6, 8)>)
  %10(CNode_4) = PrimFunc_Transpose(%9, (I64(1), I64(0), I64(2)))
      : ({F}, (2, 6, 8)>, <Tuple[Int64*3], TupleShape(NoShape)>) -> ({F}, (6, 2, 8)>)
  %11(CNode_5) = PrimFunc_Split(%10, I64(0), I64(2))
      : ({F}, (6, 2, 8)>, <Int64, NoShape>) -> (<Tuple[Tensor[Float32]*2], TupleShape((3, 2, 8))>)
"""


def test_operators_are_read_with_their_shapes_and_their_line():
    add, same, scaled, turned, split = operators(TEXT)
    assert add == Operator("Add", ((2, 6, 8), (6, 1)), ((2, 6, 8),), "layers/dense.py:31")
    assert (split.kind, split.inputs) == ("Split", ((6, 2, 8),))
    kept = [o.keeps_a_table for o in (add, same, scaled, turned, split)]
    assert kept == [True, False, False, True, False]
    assert offenders([add, same, turned], 0.5) == [add, turned]
    assert not offenders([add, same, turned], 0.5, least=96)


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS)
def test_graphs_can_be_kept_and_no_large_operator_of_them_keeps_a_table(model, tmp_path):
    environment = {
        **os.environ,
        "MS_DEV_SAVE_GRAPHS": "1",
        "MS_DEV_SAVE_GRAPHS_PATH": str(tmp_path),
        "MS_DEV_DUMP_IR_PASSES": LAST_PASS.partition("*")[0],
        "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}",
    }
    command = [sys.executable, "-m", "tests.contract.compile_all", model]
    made = subprocess.run(
        command, env=environment, cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert not [line for line in made.stdout.splitlines() if line.startswith(NOT_KEPT)]
    found = list(graphs(tmp_path))
    assert max(map(len, found)) > 500  # a training step at least
    least = SHARE * max(o.entries for graph in found for o in graph)
    assert not {str(o) for graph in found for o in offenders(graph, 0, least)}
