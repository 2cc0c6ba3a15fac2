import os
from contextlib import suppress
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mindcast.config.loader import to_yaml
from mindcast.refusal import Refusal
from mindcast.settings import load_settings

FILES = sorted(str(path) for path in Path("configs/smoke").glob("*.yaml"))


def bounded(examples):
    return settings(
        max_examples=examples,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow],
    )


def leaves(tree, path=()):
    """Paths of the values that are no sections."""
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from leaves(value, (*path, key))
        else:
            yield ".".join((*path, key))


KEYS = {cfg: list(leaves(yaml.safe_load(to_yaml(load_settings(cfg))))) for cfg in FILES}
OTHERS = {"model.diffusion.timesteps"}  # refused with the name of sampling.steps, which has more
PLACES = st.sampled_from([(cfg, key) for cfg, keys in KEYS.items() for key in keys])
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-2, 40)
    | st.integers()
    | st.sampled_from([0.5, 1.0, 2.5, float("inf"), float("nan")])
    | st.floats()
    | st.text(max_size=6)
)
ODD_TEXTS = [
    "2019-13-45",
    "0b_",
    "[1",
    "{a: 1}",
    "{[]: 1}",
    "!!x y",
    '"~\\0"',
    "1:99",
    "&a [*a]",
    "*a",
]
VALUES = SCALARS | st.lists(SCALARS, max_size=4)


def as_yaml(value):
    text = yaml.safe_dump(value, default_flow_style=True, width=10**9, allow_unicode=False)
    return text.strip().removesuffix("...").strip()


def at(tree, key):
    for name in key.split("."):
        tree = tree[name] if isinstance(tree, dict) else getattr(tree, name)
    return tree


def is_same(found, value):
    """Whether a key took a value; text may have become what it stands for, as "1" does 1."""
    if isinstance(value, list) and isinstance(found, tuple):
        return len(found) == len(value) and all(map(is_same, found, value))
    if isinstance(found, float) and isinstance(value, int):
        return found == float(value)
    return found == value or (isinstance(value, str) and not isinstance(found, str))


def set_or_refused(cfg, key, text):
    """The settings with `key=text`, None where that is refused in one line that names the key."""
    try:
        return load_settings(cfg, [f"{key}={text}"])
    except Refusal as refusal:
        line = str(refusal)
        assert "\n" not in line
        assert key.rpartition(".")[2] in line or key in OTHERS, line
        return None


@bounded(100)
@given(PLACES, VALUES)
def test_any_value_at_any_key_is_taken_or_refused_in_one_line_that_names_the_key(place, value):
    cfg, key = place
    found = set_or_refused(cfg, key, as_yaml(value))
    if found is not None:
        if key.endswith("_path") and value:
            value = os.path.abspath(os.path.expanduser(value))
        assert is_same(at(found, key), value)
        rest = load_settings(cfg, [f"{key}={as_yaml(value)}"])
        assert rest == found


@bounded(40)
@given(PLACES, st.text(max_size=12) | st.sampled_from(ODD_TEXTS))
def test_any_text_after_a_key_is_taken_or_refused(place, text):
    set_or_refused(*place, text)


WORDS = "model data runtime training name seed prediff synthetic 1 .inf null on 2019-02-30 é"
SIGNS = ["\n", "\n  ", ": ", ":\n  ", ", ", "- ", "&a ", "*a", "!!int ", "? ", "\t", "\0", "<<"]
PIECES = st.sampled_from([*WORDS.split(), *SIGNS, *"{}[]'\"#|"])
FILE_TEXTS = st.text() | st.lists(PIECES, max_size=30).map("".join)


@bounded(100)
@given(FILE_TEXTS, st.booleans())
def test_any_text_as_a_file_is_settings_or_refused_in_one_line(tmp_path_factory, text, after):
    cfg = tmp_path_factory.getbasetemp() / "any.yaml"
    whole = Path(FILES[0]).read_text() if after else ""
    cfg.write_text(whole + text, encoding="utf-8", errors="surrogatepass")
    try:
        load_settings(cfg)
    except Refusal as refusal:
        line = str(refusal)
        assert str(cfg) in line
        assert "\n" not in line


@bounded(50)
@given(st.binary() | st.text().map(lambda text: text.encode("utf-16", "replace")))
def test_any_bytes_as_a_file_are_settings_or_refused(tmp_path_factory, content):
    cfg = tmp_path_factory.getbasetemp() / "bytes.yaml"
    cfg.write_bytes(content)
    with pytest.raises(Refusal):
        load_settings(cfg)


@bounded(100)
@given(
    st.lists(st.text() | st.lists(PIECES | st.just("=") | st.just("."), max_size=9).map("".join))
)
def test_any_overrides_are_taken_or_refused(overrides):
    with suppress(Refusal):
        load_settings(FILES[0], overrides)


@bounded(25)
@given(st.lists(st.tuples(st.sampled_from(["seed", "members"]), st.integers(1, 9)), min_size=1))
def test_of_overrides_of_one_key_the_last_wins(pairs):
    section = {"seed": "runtime", "members": "sampling"}
    found = load_settings(FILES[0], [f"{section[key]}.{key}={value}" for key, value in pairs])
    assert all(at(found, f"{section[key]}.{key}") == v for key, v in dict(pairs).items())


@bounded(40)
@given(PLACES, VALUES)
def test_settings_written_as_yaml_are_read_back_equal(tmp_path_factory, place, value):
    cfg, key = place
    try:
        found = load_settings(cfg, [f"{key}={as_yaml(value)}"])
    except Refusal:
        return
    copy = tmp_path_factory.getbasetemp() / "copy.yaml"
    copy.write_text(to_yaml(found))
    assert load_settings(copy) == found
