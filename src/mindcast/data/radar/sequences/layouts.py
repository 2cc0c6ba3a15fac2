"""How each data set lays its sequences out in HDF5 groups, and what its stored numbers mean.

A file holds a group for each split; in it every sequence is a dataset (T, H, W) named by its
number. How many there are stands beside them, as a scalar inside the group or above it.
"""

from __future__ import annotations

from dataclasses import dataclass

from mindcast.data.radar.scaling import CODE_MAX

DBZ_MISSING = 255  # where dBZ are stored as whole numbers: nothing measured
VAL_GROUPS = ("val", "valid")


@dataclass(frozen=True)
class Layout:
    """The facts of one data set's files.

    prefix, first: sequences are named prefix0, prefix1, ... counting from `first`.
    val_group: what the group of the validation is called where we write it.
    count: name of the scalar that holds the number of sequences; with "{group}" in it, it
        stands at the top of the file, else inside the group.
    physical: stored are physical values (dBZ), else codes 0..255 for 0..value_scale.
    missing: the stored value that means "nothing measured" and is read as 0.
    unit: of the physical values.
    """

    prefix: str = ""
    first: int = 0
    val_group: str = "val"
    count: str = "all_len"
    physical: bool = False
    missing: int | None = None
    unit: str = "dBZ"

    def stored_maximum(self, value_scale: float) -> float:
        """What is stored for a scaled value of 1."""
        return value_scale if self.physical else CODE_MAX

    def name(self, number: int) -> str:
        """Name of the sequence at a position counted from 0."""
        return f"{self.prefix}{number + self.first}"


LAYOUTS = {
    "sevir_h5": Layout(unit="VIL"),
    "meteonet": Layout(count="{group}_len", physical=True, missing=DBZ_MISSING),
    "shanghai": Layout(),
    "cikm": Layout(prefix="sample_", first=1, val_group="valid", count="{group}_len"),
}
