"""The settings of cuboid attention, read off the shapes of its weights. Pure Python."""

from __future__ import annotations

import math

from mindcast.models.released import Found, Shapes
from mindcast.refusal import Refusal


def stack_sizes(shapes: Shapes, stack: str) -> Found:
    """Of one stack, whose names begin with `stack`, the keys that the settings have in common."""
    first = f"{stack}attn_l.0."
    table = f"{first}relative_position_bias_table"
    found: Found = {
        "relative_position": table in shapes,
        "attention_projection": f"{first}proj.weight" in shapes,
        "gated_ffn": f"{stack}ffn_l.0.ffn_1_gate.weight" in shapes,
    }
    if table in shapes:
        found["heads"] = shapes.size(table, 1)
    return found


def ffn_after_each(shapes: Shapes, stack: str) -> bool:
    """Whether a stack has as many feed-forward networks as attentions."""
    return shapes.count(f"{stack}ffn_l.") == shapes.count(f"{stack}attn_l.")


def level_sizes(shapes: Shapes, merges: str, units: tuple[int, ...], alpha: float) -> Found:
    """What `units` and the patch merging between levels give; `alpha` is kept where it fits."""
    found: Found = {"base_units": units[0]}
    if len(units) == 1:
        return found
    width = shapes.size(f"{merges}0.norm.weight", 0)
    factor = math.isqrt(width // units[0])
    if factor**2 * units[0] != width:
        raise Refusal(
            f"{merges}0.norm.weight is ({width},), which no merging of {units[0]} channels gives"
        )
    found["downsample"] = factor
    found["scale_alpha"] = _alpha(units, factor, alpha)
    return found


def table_sides(shapes: Shapes, positions: str) -> tuple[int, int] | None:
    """(H, W) of learned positions of rows and columns; None where one table serves both."""
    if f"{positions}HW_embed.weight" in shapes:
        return None
    height, width = (shapes.size(f"{positions}{axis}_embed.weight", 0) for axis in "HW")
    return height, width


def position_kind(shapes: Shapes, positions: str) -> str:
    """The setting `position_embedding`."""
    return "t+hw" if f"{positions}HW_embed.weight" in shapes else "t+h+w"


def _alpha(units: tuple[int, ...], factor: int, published: float) -> float:
    def gives(alpha: float) -> bool:
        ratio = factor**alpha
        return all(units[0] * int(ratio**i) == width for i, width in enumerate(units))

    ratio = units[1] / units[0]
    exact = math.log(ratio) / math.log(factor) if factor > 1 and ratio > 0 else published
    for alpha in (published, exact, round(exact, 9), exact + 1e-9):
        if alpha > 0 and gives(alpha):
            return alpha
    raise Refusal(
        f"its levels have {', '.join(map(str, units))} channels, which no scale_alpha gives"
    )
