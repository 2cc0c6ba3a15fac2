// y = (x - mean) / sqrt(variance + eps) * weight + bias along every row (Ba et al. 2016).
#include <vector>

#include "kernel.h"
#include "vector_math.h"

// x (R, C), weight (C), bias (C), eps (1) -> y (R, C), mean (R), inverse standard deviation (R)
KERNEL(layer_norm) {
  const float *x = tensor(data, 0), *weight = tensor(data, 1), *bias = tensor(data, 2);
  const float eps = *tensor(data, 3);
  float *y = tensor(data, 4), *means = tensor(data, 5), *inverses = tensor(data, 6);
  const Index rows = shapes[0][0], width = shapes[0][1];
#pragma omp parallel for
  for (Index r = 0; r < rows; ++r) {
    const float *in = x + r * width;
    float *out = y + r * width;
    float sum = 0.0f, squares = 0.0f;
#pragma omp simd reduction(+ : sum)
    for (Index c = 0; c < width; ++c) sum += in[c];
    const float mean = sum / width;
#pragma omp simd reduction(+ : squares)
    for (Index c = 0; c < width; ++c) squares += (in[c] - mean) * (in[c] - mean);
    const float inverse = 1.0f / std::sqrt(squares / width + eps);
#pragma omp simd
    for (Index c = 0; c < width; ++c) out[c] = (in[c] - mean) * inverse * weight[c] + bias[c];
    means[r] = mean;
    inverses[r] = inverse;
  }
  return 0;
}

// x, weight, mean, inverse, dy -> dx (R, C), d weight (C), d bias (C)
KERNEL(layer_norm_gradient) {
  const float *x = tensor(data, 0), *weight = tensor(data, 1), *means = tensor(data, 2),
              *inverses = tensor(data, 3), *dy = tensor(data, 4);
  float *dx = tensor(data, 5), *d_weight = tensor(data, 6), *d_bias = tensor(data, 7);
  const Index rows = shapes[0][0], width = shapes[0][1];
  std::vector<float> sums(PARTS * 2 * width, 0.0f);
#pragma omp parallel for
  for (Index part = 0; part < PARTS; ++part) {
    float *of_weight = sums.data() + part * 2 * width, *of_bias = of_weight + width;
    for (Index r = part_begin(rows, part); r < part_begin(rows, part + 1); ++r) {
      const float *in = x + r * width, *d = dy + r * width;
      float *out = dx + r * width;
      const float mean = means[r], inverse = inverses[r];
      float level = 0.0f, slope = 0.0f;
#pragma omp simd reduction(+ : level, slope)
      for (Index c = 0; c < width; ++c) {
        const float normed = (in[c] - mean) * inverse, weighted = d[c] * weight[c];
        level += weighted;
        slope += weighted * normed;
        of_weight[c] += d[c] * normed;
        of_bias[c] += d[c];
      }
      level /= width;
      slope /= width;
#pragma omp simd
      for (Index c = 0; c < width; ++c) {
        const float normed = (in[c] - mean) * inverse;
        out[c] = (d[c] * weight[c] - level - normed * slope) * inverse;
      }
    }
  }
  for (Index c = 0; c < width; ++c) d_weight[c] = d_bias[c] = 0.0f;
  for (Index part = 0; part < PARTS; ++part)
    for (Index c = 0; c < width; ++c) {
      d_weight[c] += sums[part * 2 * width + c];
      d_bias[c] += sums[part * 2 * width + width + c];
    }
  return 0;
}
