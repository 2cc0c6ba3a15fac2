// Rows picked by a table, each the sum of several rows or none: copying, padding, cutting,
// resizing by repetition, and the gradients of all of these.
#include <cstring>

#include "kernel.h"

// x (N, R, C), table (K, M) int32 -> y (N, M, C), y[n, m] = sum over k of x[n, table[k, m]];
// an entry of R or more adds nothing
KERNEL(gather_rows) {
  const float *x = tensor(data, 0);
  const int32_t *table = tensor<int32_t>(data, 1);
  float *y = tensor(data, 2);
  const Index rows = shapes[0][1], width = shapes[0][2];
  const Index copies = shapes[1][0], picked = shapes[1][1];
#pragma omp parallel for collapse(2)
  for (Index n = 0; n < shapes[0][0]; ++n)
    for (Index m = 0; m < picked; ++m) {
      float *out = y + (n * picked + m) * width;
      const Index first = table[m];
      if (first < rows)
        std::memcpy(out, x + (n * rows + first) * width, width * sizeof(float));
      else
        std::memset(out, 0, width * sizeof(float));
      for (Index k = 1; k < copies; ++k) {
        const Index row = table[k * picked + m];
        if (row >= rows) continue;
        const float *in = x + (n * rows + row) * width;
#pragma omp simd
        for (Index c = 0; c < width; ++c) out[c] += in[c];
      }
    }
  return 0;
}
