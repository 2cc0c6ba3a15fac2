import ast
from pathlib import Path

import mindspore
import pytest

SOURCE = Path(__file__).parents[2] / "src" / "mindcast"
ROOMS = ("layers", "diffusion", "models", "training")
DEVICES = {"Ascend", "GPU", "CPU"}

# Names that launch no kernel, so that MindSpore's documentation has no platforms to list.
NOT_OPERATORS = {
    # types of data and of cells
    "mindspore.Tensor",
    "mindspore.Parameter",
    "mindspore.ParameterTuple",
    "mindspore.nn.Cell",
    # transformations and compilation of functions
    "mindspore.jit",
    "mindspore.constexpr",
    "mindspore.grad",
    "mindspore.value_and_grad",
    # context, seeds and files: host only
    "mindspore.get_context",
    "mindspore.set_context",
    "mindspore.set_seed",
    "mindspore.get_seed",
    "mindspore.save_checkpoint",
    "mindspore.load_checkpoint",
    "mindspore.load_param_into_net",
    # what starting values are described by, before any memory is taken
    "mindspore.common.initializer.Zero",
    "mindspore.nn.utils.no_init_parameters",
    # number types
    "mindspore.float16",
    "mindspore.bfloat16",
    "mindspore.float32",
    "mindspore.float64",
    "mindspore.int32",
    "mindspore.int64",
    "mindspore.bool_",
}


def mindspore_names(text):
    """(line, dotted name) of every MindSpore thing that the module's text imports or reaches."""
    tree = ast.parse(text)
    aliases, found = {}, []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] == "mindspore":
                    whole = alias.name if alias.asname else "mindspore"
                    aliases[alias.asname or "mindspore"] = whole
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("mindspore"):
            for alias in node.names:
                aliases[alias.asname or alias.name] = f"{node.module}.{alias.name}"
                found.append((node.lineno, f"{node.module}.{alias.name}"))
    for node in ast.walk(tree):
        chain = dotted(node)
        if chain and chain[0] in aliases and len(chain) > 1:
            found.append((node.lineno, ".".join((aliases[chain[0]], *chain[1:]))))
    return found


def dotted(node):
    """The names of `a.b.c`, outermost first; empty for anything else."""
    if isinstance(node, ast.Name):
        return (node.id,)
    if isinstance(node, ast.Attribute):
        front = dotted(node.value)
        return (*front, node.attr) if front else ()
    return ()


def complaint(name):
    """Why that name may not be used, or None."""
    if name in NOT_OPERATORS:
        return None
    thing = mindspore
    for part in name.split(".")[1:]:
        if not hasattr(thing, part):
            return "does not exist"
        thing = getattr(thing, part)
        if "mindspore." + part in NOT_OPERATORS:
            return None  # a method or attribute of a listed type
    if isinstance(thing, type(mindspore)):
        return None  # a module on the way to a name
    documentation = thing.__doc__ or ""
    _, heading, platforms = documentation.partition("Supported Platforms:")
    if not heading:
        return "documents no platforms"
    line = next((text for text in platforms.splitlines() if text.strip()), "")
    missing = sorted(DEVICES - set(line.replace("`", " ").split()))
    return f"does not support {', '.join(missing)}" if missing else None


def source_files():
    rooms = [path for room in ROOMS for path in sorted((SOURCE / room).rglob("*.py"))]
    return [SOURCE / "compiled.py", *rooms]


@pytest.mark.parametrize("path", source_files(), ids=lambda p: str(p.relative_to(SOURCE)))
def test_module_uses_only_what_all_devices_offer(path):
    names = mindspore_names(path.read_text())
    complaints = [
        f"line {line}: {name} {complaint(name)}" for line, name in names if complaint(name)
    ]
    assert not complaints


def test_there_are_modules_to_look_at():
    assert any(path.name == "cuboid_attention.py" for path in source_files())


@pytest.mark.parametrize(
    ("text", "name", "reason"),
    [
        ("from mindspore import ops\nops.roll(x, 1, 0)", "mindspore.ops.roll", "CPU"),
        ("import mindspore as ms\nms.ops.einsum('i->i', x)", "mindspore.ops.einsum", "CPU"),
        ("from mindspore import mint\nmint.einsum('i->i', x)", "mindspore.mint.einsum", "GPU"),
        ("from mindspore.ops import einsum", "mindspore.ops.einsum", "CPU"),
        ("from mindspore import ops\nops.no_such_thing(x)", "mindspore.ops.no_such_thing", "exist"),
    ],
)
def test_an_operator_that_a_device_lacks_is_found(text, name, reason):
    names = [found for _, found in mindspore_names(text)]
    assert name in names
    assert reason in complaint(name)
