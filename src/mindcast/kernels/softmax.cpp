// Softmax of scale * x + bias + mask along every row.
#include "softmax_row.h"

// x (G, H, L, K), bias (H, L, K) or one number, mask (M, L, K) with M dividing G or one number,
// scale (1) -> weights (G, H, L, K)
KERNEL(biased_softmax) {
  const float *x = tensor(data, 0), *bias = tensor(data, 1), *mask = tensor(data, 2);
  const float scale = *tensor(data, 3);
  float *y = tensor(data, 4);
  const Index heads = shapes[0][1], length = shapes[0][2], width = shapes[0][3];
  const Index masks = product(shapes[2], 0, ranks[2]) > 1 ? shapes[2][0] : 0;
  const bool biased = product(shapes[1], 0, ranks[1]) > 1;
#pragma omp parallel for
  for (Index row = 0; row < shapes[0][0] * heads * length; ++row) {
    const float *in = x + row * width;
    float *out = y + row * width;
#pragma omp simd
    for (Index k = 0; k < width; ++k) out[k] = in[k] * scale;
    if (biased) {
      const float *add = bias + row % (heads * length) * width;
#pragma omp simd
      for (Index k = 0; k < width; ++k) out[k] += add[k];
    }
    if (masks) {
      const Index group = row / (heads * length), line = row % length;
      const float *add = mask + (group % masks * length + line) * width;
#pragma omp simd
      for (Index k = 0; k < width; ++k) out[k] += add[k];
    }
    softmax_row(out, width);
  }
  return 0;
}

// weights y, dy (G, H, L, K), scale (1) -> dx, d bias (H, L, K)
KERNEL(biased_softmax_gradient) {
  const float *y = tensor(data, 0), *dy = tensor(data, 1);
  const float scale = *tensor(data, 2);
  float *dx = tensor(data, 3), *d_bias = tensor(data, 4);
  const Index groups = shapes[0][0], entries = product(shapes[0], 1, 4), width = shapes[0][3];
#pragma omp parallel for
  for (Index row = 0; row < entries / width; ++row) {
    float *sums = d_bias + row * width;
    for (Index k = 0; k < width; ++k) sums[k] = 0.0f;
    for (Index g = 0; g < groups; ++g) {
      const Index at = g * entries + row * width;
      float along = 0.0f;
#pragma omp simd reduction(+ : along)
      for (Index k = 0; k < width; ++k) along += dy[at + k] * y[at + k];
#pragma omp simd
      for (Index k = 0; k < width; ++k) {
        const float d = y[at + k] * (dy[at + k] - along);
        sums[k] += d;
        dx[at + k] = scale * d;
      }
    }
  }
  return 0;
}

// The same without a bias: weights y, dy (R, K), scale (1) -> dx
KERNEL(softmax_gradient) {
  const float *y = tensor(data, 0), *dy = tensor(data, 1);
  const float scale = *tensor(data, 2);
  float *dx = tensor(data, 3);
  const Index width = shapes[0][ranks[0] - 1];
#pragma omp parallel for
  for (Index row = 0; row < product(shapes[0], 0, ranks[0] - 1); ++row) {
    const Index at = row * width;
    float along = 0.0f;
#pragma omp simd reduction(+ : along)
    for (Index k = 0; k < width; ++k) along += dy[at + k] * y[at + k];
#pragma omp simd
    for (Index k = 0; k < width; ++k) dx[at + k] = scale * y[at + k] * (dy[at + k] - along);
  }
  return 0;
}
