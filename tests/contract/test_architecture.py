import ast
import re
from pathlib import Path

import pytest

from mindcast.models import MODELS

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "mindcast"
# the ground floor: every room may stand on it
GROUND = ("refusal", "files", "unfailing", "mapgrid", "samples", "cases")
# room -> the others that it may import, in order of the floors: none may import one that follows
ROOMS = {
    "refusal": (),
    "files": (),
    "unfailing": (),
    "mapgrid": (),
    "samples": (),
    "cases": (),
    "graphs": (),
    "config": (),
    "physics": (),
    "kernels": (),
    "needless": (),
    "compiled": ("graphs", "kernels", "needless"),
    "layers": ("kernels",),
    "diffusion": ("compiled",),
    "motion": ("config",),
    "runtime": ("config", "graphs.keeping"),
    "weights": (),
    "models": (
        "diffusion",
        "layers",
        "kernels.build",
        "physics",
        "motion",
        "config",
        "compiled",
    ),
    "data": ("physics", "motion", "config"),
    "settings": ("config", "diffusion", "models", "data"),
    "evaluation": ("physics", "motion"),
    "visualization": ("evaluation.nowcast.probability_matched",),
    "output": (),
    "page": (),
    "training": (
        "models.base",
        "diffusion",
        "layers",
        "kernels",
        "config",
        "data",
        "visualization",
        "runtime",
        "weights",
        "compiled",
    ),
    "trained": ("settings", "models", "training", "config", "runtime"),
    "capacity": ("models", "config", "runtime"),
    "forecasting": ("models", "training", "config", "runtime"),
    "conversion": (
        "weights",
        "layers.initialise",
        "models",
        "training.stored",
        "settings",
        "config",
    ),
    "tasks": (
        "motion",
        "evaluation",
        "visualization",
        "output",
        "page",
        "forecasting",
        "models.base",
        "config",
        "data",
        "physics",
    ),
    "commands": (
        "capacity",
        "compiled",
        "config",
        "data",
        "forecasting",
        "conversion",
        "weights",
        "models",
        "runtime",
        "settings",
        "evaluation.unfinished",
        "tasks",
        "trained",
        "training",
    ),
    "api": (
        "capacity",
        "config",
        "data",
        "forecasting",
        "models",
        "output",
        "runtime",
        "tasks",
        "trained",
    ),
    "options": ("models", "commands", "runtime"),
    "cli": ("options", "commands", "runtime"),
    "__main__": ("cli", "runtime"),
}
WITHOUT_MINDSPORE = (
    *GROUND,
    "config",
    "physics",
    "motion",
    "weights",
    "data",
    "evaluation",
    "visualization",
    "output",
    "page",
    "settings",
    "tasks",
    "options",
    "cli",
    "__main__",
)
HEAVY = {"mindspore", "mindearth"}
LIGHT_FILES = (
    "models/__init__.py",
    "models/base.py",
    "models/*/spec.py",
    "models/*/settings.py",
    "models/*/backbones/__init__.py",
    "models/*/backbones/settings.py",
    "commands/*.py",
    "runtime/*.py",
    "training/micro_batches.py",
    "diffusion/schedules.py",
    "diffusion/process.py",
    "diffusion/samplers/*.py",
    "models/released.py",
    "models/cuboid_sizes.py",
    "models/*/sizes.py",
    "models/*/weights.py",
    "models/*/backbones/sizes.py",
    "models/*/backbones/weights.py",
    "layers/cuboid_geometry.py",
    "layers/cuboid_patterns.py",
    "training/stored.py",
    "training/origin.py",
    "training/networks.py",
    "conversion/*.py",
)


def imports(text, top_level_only=False):
    """(line, dotted name) of everything that a module imports; for `from a import b` also a.b."""
    tree = ast.parse(text)
    nodes = at_import(tree) if top_level_only else ast.walk(tree)
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: a relative import"
            yield node.lineno, node.module
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def at_import(tree):
    """The nodes that run when the module is imported: no function bodies, no type checking."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING":
            continue
        yield node
        yield from at_import(node)


def breaches(room, text, model=None):
    """Imports of other rooms that the rules of the house do not allow."""
    allowed = [f"mindcast.{name}" for name in (*ROOMS[room], *GROUND, room)]
    found = []
    for line, name in imports(text):
        if not name.startswith("mindcast.") or name.endswith("__version__"):
            continue
        if not any(
            name == a or name.startswith(f"{a}.") or a.startswith(f"{name}.") for a in allowed
        ):
            found.append(f"line {line}: {room} imports {name}")
        others = set(MODELS) - {model} if model else set()
        if name.startswith("mindcast.models.") and name.split(".")[2] in others:
            found.append(f"line {line}: {model} imports {name}")
    return found


def room_of(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def modules():
    return [p for p in sorted(PACKAGE.rglob("*.py")) if p != PACKAGE / "__init__.py"]


def name_of(path):
    return str(path.relative_to(PACKAGE))


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_a_module_imports_only_the_rooms_it_may(path):
    parts = path.relative_to(PACKAGE).parts
    model = parts[1] if parts[0] == "models" and len(parts) > 2 else None
    assert not breaches(room_of(path), path.read_text(encoding="utf-8"), model)


@pytest.mark.parametrize(
    ("room", "text", "breach"),
    [
        ("layers", "from mindcast.models import base", "layers imports mindcast.models"),
        ("diffusion", "import mindcast.layers.norm", "diffusion imports mindcast.layers.norm"),
        ("models", "def f():\n    from mindcast.data import base", "models imports mindcast.data"),
        (
            "training",
            "from mindcast.models.prediff import vae",
            "training imports mindcast.models.prediff",
        ),
        (
            "evaluation",
            "from mindcast.config.schema import Runtime",
            "evaluation imports mindcast.config",
        ),
    ],
)
def test_a_breach_is_found(room, text, breach):
    assert any(breach in found for found in breaches(room, text))


def test_one_model_may_not_import_another(monkeypatch):
    monkeypatch.setitem(MODELS, "other", "mindcast.models.other.spec")
    assert breaches("models", "from mindcast.models.other import vae", model="prediff")
    assert not breaches("models", "from mindcast.models.prediff import vae", model="prediff")


@pytest.mark.parametrize(
    "path", [p for p in modules() if room_of(p) in WITHOUT_MINDSPORE], ids=name_of
)
def test_a_room_of_numpy_imports_no_mindspore(path):
    found = {name.split(".")[0] for _, name in imports(path.read_text(encoding="utf-8"))}
    assert not found & HEAVY


@pytest.mark.parametrize("pattern", LIGHT_FILES)
def test_what_answers_before_mindspore_is_loaded_does_not_import_it(pattern):
    paths = list(PACKAGE.glob(pattern))
    assert paths
    for path in paths:
        text = path.read_text(encoding="utf-8")
        found = {name.split(".")[0] for _, name in imports(text, top_level_only=True)}
        assert not found & HEAVY, name_of(path)


def test_a_late_import_differs_from_one_at_the_top():
    late = "def f():\n    import mindspore\n"
    assert list(imports(late, top_level_only=True)) == []
    assert list(imports("if True:\n    import mindspore", top_level_only=True)) == [
        (2, "mindspore")
    ]


def test_main_is_short_and_names_no_model():
    text = (ROOT / "main.py").read_text(encoding="utf-8")
    assert len(text.splitlines()) < 80
    assert not any(name in text.lower() for name in MODELS)


def strings_naming_models(text, names):
    """(line, string) of every string outside docstrings that names a model."""
    tree = ast.parse(text)
    docstrings = {id(n.value) for n in ast.walk(tree) if isinstance(n, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if id(node) in docstrings:
                continue
            words = re.split(r"[^a-z0-9]+", node.value.lower())
            if any(name in words for name in names):
                yield node.lineno, node.value


def test_no_model_is_named_outside_its_own_package_and_the_table():
    for path in modules():
        parts = path.relative_to(PACKAGE).parts
        if parts == ("models", "__init__.py"):
            continue
        own = {parts[1]} if parts[0] == "models" and len(parts) > 2 else set()
        found = list(strings_naming_models(path.read_text(encoding="utf-8"), set(MODELS) - own))
        assert not found, name_of(path)


def test_a_model_s_name_in_a_string_is_found():
    (name, *_) = MODELS
    text = f'"""About {name}."""\nif model == "{name}":\n    pass\n'
    assert list(strings_naming_models(text, MODELS)) == [(2, name)]
    assert list(strings_naming_models(f'a = "its {name}-ka"\nb = "{name}s"', MODELS)) == [
        (1, f"its {name}-ka")
    ]


def test_the_table_of_rooms_is_the_tree():
    assert {room_of(path) for path in modules()} == ROOMS.keys()


def test_no_arrow_between_rooms_runs_up():
    floors = list(ROOMS)
    for number, (room, others) in enumerate(ROOMS.items()):
        for other in others:
            assert floors.index(other.partition(".")[0]) < number, f"{room} imports {other}"


def test_no_files_import_each_other_in_a_circle():
    """Imports at the top of files and late ones alike; what a table of names loads is not seen."""
    names = {".".join(p.relative_to(PACKAGE.parent).with_suffix("").parts): p for p in modules()}
    names = {name.removesuffix(".__init__"): path for name, path in names.items()}
    arrows = {
        name: {other for _, other in imports(path.read_text(encoding="utf-8")) if other in names}
        for name, path in names.items()
    }
    while arrows:  # take away what imports nothing that is left
        free = {name for name, others in arrows.items() if not others & arrows.keys() - {name}}
        assert free, f"a circle among {sorted(arrows)}"
        arrows = {name: others for name, others in arrows.items() if name not in free}
