// The axes of a tensor in another order.
#include <algorithm>
#include <cstring>

#include "kernel.h"

namespace {

constexpr int MOST_AXES = 8;
constexpr Index BLOCK = 16;

// Rows (of `height`) become columns: blocks that stay in the cache on both sides.
void transpose(const float *in, float *out, Index height, Index width, Index in_step,
               Index out_step) {
  for (Index i = 0; i < height; i += BLOCK)
    for (Index j = 0; j < width; j += BLOCK)
      for (Index b = j; b < std::min(j + BLOCK, width); ++b)
        for (Index a = i; a < std::min(i + BLOCK, height); ++a)
          out[b * out_step + a] = in[a * in_step + b];
}

}  // namespace

// x, order (int32, one an axis) -> y, where axis i of y is axis order[i] of x
KERNEL(permute) {
  const float *x = tensor(data, 0);
  const int32_t *order = tensor<int32_t>(data, 1);
  float *y = tensor(data, 2);
  Index size[MOST_AXES], step[MOST_AXES];  // of y's axes: entries, and distance in x
  int axes = 0;
  for (int i = 0; i < ranks[0]; ++i) {
    const Index entries = shapes[0][order[i]];
    const Index distance = product(shapes[0], order[i] + 1, ranks[0]);
    if (axes && step[axes - 1] == entries * distance) {  // neighbours stay neighbours: one axis
      size[axes - 1] *= entries;
      step[axes - 1] = distance;
    } else if (entries > 1 || (i + 1 == ranks[0] && !axes)) {
      size[axes] = entries;
      step[axes++] = distance;
    }
  }
  const int last = axes - 1;
  // the axis of y that is contiguous in x, where it is not the last one of y
  int turned = -1;
  for (int i = 0; i < last; ++i)
    if (step[i] == 1) turned = i;
  Index outer = 1, out_step[MOST_AXES];
  out_step[last] = 1;
  for (int i = last - 1; i >= 0; --i) out_step[i] = out_step[i + 1] * size[i + 1];
  for (int i = 0; i < last; ++i)
    if (i != turned) outer *= size[i];
#pragma omp parallel for
  for (Index number = 0; number < outer; ++number) {
    Index from = 0, to = 0, rest = number;
    for (int i = last - 1; i >= 0; --i) {
      if (i == turned) continue;
      from += rest % size[i] * step[i];
      to += rest % size[i] * out_step[i];
      rest /= size[i];
    }
    if (turned >= 0)
      transpose(x + from, y + to, size[last], size[turned], step[last], out_step[turned]);
    else if (step[last] == 1)
      std::memcpy(y + to, x + from, size[last] * sizeof(float));
    else
      for (Index k = 0; k < size[last]; ++k) y[to + k] = x[from + k * step[last]];
  }
  return 0;
}
