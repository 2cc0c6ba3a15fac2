import ast
from pathlib import Path

import pytest

from src.models import MODELS

ROOT = Path(__file__).parents[2]
EVERYWHERE = {"src.refusal"}
# room -> what it may import of the others: a prefix of the module's dotted name
ROOMS = {
    "refusal": (),
    "config": ("src.data", "src.models"),  # the two tables of types
    "diffusion": (),
    "layers": (),
    "physics": (),
    "models": ("src.diffusion", "src.layers", "src.physics", "src.config"),
    "data": ("src.physics", "src.config"),
    "evaluation": ("src.physics",),
    "visualization": (),
    "output": (),
    "runtime": ("src.config",),
    "training": (
        "src.models.base",
        "src.diffusion",
        "src.config",
        "src.data",
        "src.visualization",
        "src.runtime",
    ),
    "conversion": ("src.models", "src.config", "src.runtime"),
    "cli": ("src.models", "src.commands"),
}
FREE = {"commands"}  # puts the rooms together
WITHOUT_MINDSPORE = (
    "refusal", "config", "physics", "data", "evaluation", "visualization", "output", "cli",
)  # fmt: skip
WITH_MINDSPORE_INSIDE = {"data/pipeline.py"}
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
    if room in FREE:
        return []
    allowed = {*ROOMS[room], *EVERYWHERE, f"src.{room}"}
    found = []
    for line, name in imports(text):
        if not name.startswith("src.") or name.count(".") == 0:
            continue
        if not any(name == a or name.startswith(f"{a}.") or a.startswith(f"{name}.")
                   for a in allowed):  # fmt: skip
            found.append(f"line {line}: {room} imports {name}")
        if model and name.startswith("src.models.") and name.split(".")[2] in set(MODELS) - {model}:
            found.append(f"line {line}: {model} imports {name}")
    return found


def room_of(path):
    return path.relative_to(ROOT / "src").parts[0].removesuffix(".py")


def modules():
    return [p for p in sorted((ROOT / "src").rglob("*.py")) if p.parent != ROOT / "src"] + [
        ROOT / "src" / "cli.py",
        ROOT / "src" / "refusal.py",
    ]


def name_of(path):
    return str(path.relative_to(ROOT / "src"))


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_a_module_imports_only_the_rooms_it_may(path):
    parts = path.relative_to(ROOT / "src").parts
    model = parts[1] if parts[0] == "models" and len(parts) > 2 else None
    assert not breaches(room_of(path), path.read_text(encoding="utf-8"), model)


@pytest.mark.parametrize(
    ("room", "text", "breach"),
    [
        ("layers", "from src.models import base", "layers imports src.models"),
        ("diffusion", "import src.layers.norm", "diffusion imports src.layers.norm"),
        ("models", "def f():\n    from src.data import base", "models imports src.data"),
        ("training", "from src.models.prediff import vae", "training imports src.models.prediff"),
        ("evaluation", "from src.config.schema import Runtime", "evaluation imports src.config"),
    ],
)
def test_a_breach_is_found(room, text, breach):
    assert any(breach in found for found in breaches(room, text))


def test_one_model_may_not_import_another(monkeypatch):
    monkeypatch.setitem(MODELS, "other", "src.models.other.spec")
    assert breaches("models", "from src.models.other import vae", model="prediff")
    assert not breaches("models", "from src.models.prediff import vae", model="prediff")


@pytest.mark.parametrize(
    "path", [p for p in modules() if room_of(p) in WITHOUT_MINDSPORE], ids=name_of
)
def test_a_room_of_numpy_imports_no_mindspore(path):
    found = {name.split(".")[0] for _, name in imports(path.read_text(encoding="utf-8"))}
    assert name_of(path) in WITH_MINDSPORE_INSIDE or not found & HEAVY


@pytest.mark.parametrize("pattern", LIGHT_FILES)
def test_what_answers_before_mindspore_is_loaded_does_not_import_it(pattern):
    paths = list((ROOT / "src").glob(pattern))
    assert paths
    for path in paths:
        text = path.read_text(encoding="utf-8")
        found = {name.split(".")[0] for _, name in imports(text, top_level_only=True)}
        assert not found & HEAVY, name_of(path)


def test_a_late_import_is_told_from_one_at_the_top():
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
            if any(name in node.value.lower() for name in names):
                yield node.lineno, node.value


def test_no_model_is_named_outside_its_own_package_and_the_table():
    for path in modules():
        parts = path.relative_to(ROOT / "src").parts
        if parts == ("models", "__init__.py"):
            continue
        own = {parts[1]} if parts[0] == "models" and len(parts) > 2 else set()
        found = list(strings_naming_models(path.read_text(encoding="utf-8"), set(MODELS) - own))
        assert not found, name_of(path)


def test_a_model_s_name_in_a_string_is_found():
    (name, *_) = MODELS
    text = f'"""About {name}."""\nif model == "{name}":\n    pass\n'
    assert list(strings_naming_models(text, MODELS)) == [(2, name)]


def test_the_table_of_rooms_is_the_tree():
    rooms = {p.name for p in (ROOT / "src").iterdir() if p.is_dir() and p.name != "__pycache__"}
    assert rooms <= ROOMS.keys() | FREE
