import ast
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
MYPY = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["mypy"]
UNTYPED = {"mindspore", "mindearth"}


def imports_what_has_no_types(path):
    """Whether a module imports MindSpore when it is imported itself."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            names = [node.module] if isinstance(node, ast.ImportFrom) else []
        if {name.partition(".")[0] for name in names} & UNTYPED:
            return True
    return False


def unchecked():
    (found,) = (o["module"] for o in MYPY["overrides"] if o.get("ignore_errors"))
    return found


def path_of(module):
    return ROOT / "src" / (module.replace(".", "/") + ".py")


def test_the_checker_reads_the_whole_package_and_skips_only_what_has_no_types():
    assert MYPY["packages"] == ["mindcast"]
    assert MYPY["disallow_untyped_defs"]
    assert "exclude" not in MYPY
    skipped = {m for o in MYPY["overrides"] if "follow_imports" in o for m in o["module"]}
    assert skipped == {f"{name}.*" for name in UNTYPED}


def test_only_modules_that_import_mindspore_may_be_left_out_of_the_check():
    for module in unchecked():
        assert imports_what_has_no_types(path_of(module)), module


def test_a_late_import_does_not_excuse_a_module(tmp_path):
    path = tmp_path / "late.py"
    path.write_text("def f():\n    import mindspore\n")
    assert not imports_what_has_no_types(path)
    path.write_text("from mindspore import nn\n")
    assert imports_what_has_no_types(path)
