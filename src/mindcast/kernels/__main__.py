"""`python -m mindcast.kernels`: builds the library and prints where it lies."""

from __future__ import annotations

import sys

from mindcast.kernels.build import library

if __name__ == "__main__":
    path = library()
    if path is None:
        sys.exit("mindcast: no CPU kernels: no C++ compiler was found that builds them")
    print(path)
