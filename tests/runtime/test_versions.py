import platform
import re
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import mindcast
from mindcast.runtime import versions
from mindcast.runtime.versions import PACKAGES

ROOT = Path(__file__).parents[2]


def test_what_makes_numbers_is_told_by_its_version():
    found = versions.versions()
    assert found["mindcast"] == mindcast.__version__
    assert found["python"] == platform.python_version()
    assert found["numpy"] == version("numpy")
    assert all(found.values())


def test_a_package_that_is_not_there_is_absent(monkeypatch):
    monkeypatch.setattr(versions, "PACKAGES", ("no-such-package",))
    assert versions.versions()["no-such-package"] == "absent"


def test_nothing_is_told_of_that_is_not_declared():
    lines = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    assert set(PACKAGES) <= {re.split("[<>=]", line)[0] for line in lines}


def test_no_package_is_loaded_to_be_told_of(monkeypatch):
    monkeypatch.delitem(sys.modules, "xarray", raising=False)
    versions.versions()
    assert "xarray" not in sys.modules
