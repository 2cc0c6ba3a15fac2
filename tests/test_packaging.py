import re
import subprocess
import sys
import tomllib
from pathlib import Path
from pkgutil import resolve_name

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

import mindcast

ROOT = Path(__file__).parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = PYPROJECT["project"]


def by_name(lines):
    found = [Requirement(line) for line in lines]
    return {canonicalize_name(requirement.name): requirement for requirement in found}


def listed(name):
    """The packages that a requirements file names itself, without comments and included files."""
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    return by_name(line for line in lines if line and line[0] not in "#-")


def pin(requirement):
    (specifier,) = requirement.specifier
    assert specifier.operator == "==", f"{requirement} is no pin"
    return Version(specifier.version)


def test_what_is_declared_is_what_is_pinned():
    assert by_name(PROJECT["dependencies"]).keys() == listed("requirements.txt").keys()


@pytest.mark.parametrize("name", by_name(PROJECT["dependencies"]))
def test_a_tested_version_lies_in_the_declared_range(name):
    declared = by_name(PROJECT["dependencies"])[name].specifier
    assert declared
    assert pin(listed("requirements.txt")[name]) in declared


def test_the_tools_of_development_are_pinned_and_none_is_declared():
    tools = listed("requirements-dev.txt")
    assert all(pin(requirement) for requirement in tools.values())
    assert not tools.keys() & by_name(PROJECT["dependencies"]).keys()


def test_there_is_one_version_number_and_the_build_reads_it():
    assert "version" not in PROJECT
    assert PROJECT["dynamic"] == ["version"]
    source = ROOT / PYPROJECT["tool"]["hatch"]["version"]["path"]
    assert source == Path(mindcast.__file__)
    assignment = re.compile(r"^(__version__|VERSION)\s*=", re.MULTILINE)
    paths = [p for p in (ROOT / "src").rglob("*.py") if assignment.search(p.read_text("utf-8"))]
    assert paths == [source]
    assert str(Version(mindcast.__version__)) == mindcast.__version__


def test_the_command_of_the_package_exists():
    assert PROJECT["scripts"] == {"mindcast": "mindcast.__main__:run"}
    assert callable(resolve_name(PROJECT["scripts"]["mindcast"]))


def test_the_configurations_go_into_the_package():
    included = PYPROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    assert included == {"configs": "mindcast/configs"}
    assert list((ROOT / "configs").rglob("*.yaml"))


def test_neither_the_package_nor_its_command_line_loads_mindspore():
    probe = "import sys, mindcast, mindcast.cli; print({'mindspore', 'mindearth'} & {*sys.modules})"
    told = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert told.stdout == "set()\n"
