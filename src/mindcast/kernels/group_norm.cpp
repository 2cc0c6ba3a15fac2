// y = act((x - mean) / sqrt(variance + eps) * gain + shift), mean and variance over the positions
// of a block of consecutive channels (Wu and He 2018); act is SiLU or nothing.
#include "kernel.h"
#include "vector_math.h"

namespace {

struct Options {
  Index groups;
  float eps;
  bool silu;
  explicit Options(const float *given)
      : groups(static_cast<Index>(given[0])), eps(given[1]), silu(given[2] != 0.0f) {}
};

inline double row_sum(const float *row, Index width) {
  float sum = 0.0f;
#pragma omp simd reduction(+ : sum)
  for (Index p = 0; p < width; ++p) sum += row[p];
  return sum;
}

inline double row_squares(const float *row, Index width, float mean) {
  float sum = 0.0f;
#pragma omp simd reduction(+ : sum)
  for (Index p = 0; p < width; ++p) sum += (row[p] - mean) * (row[p] - mean);
  return sum;
}

}  // namespace

// x (N, C, P), gain (N, C), shift (N, C), options (groups, eps, SiLU)
//   -> y (N, C, P), mean (N, groups), inverse standard deviation (N, groups)
KERNEL(group_norm) {
  const float *x = tensor(data, 0), *gain = tensor(data, 1), *shift = tensor(data, 2);
  const Options options(tensor(data, 3));
  float *y = tensor(data, 4), *means = tensor(data, 5), *inverses = tensor(data, 6);
  const Index positions = shapes[0][2], channels = shapes[0][1] / options.groups;
#pragma omp parallel for
  for (Index g = 0; g < shapes[0][0] * options.groups; ++g) {
    double sum = 0.0, squares = 0.0;
    const float *block = x + g * channels * positions;
    for (Index c = 0; c < channels; ++c) sum += row_sum(block + c * positions, positions);
    const float mean = static_cast<float>(sum / (channels * positions));
    for (Index c = 0; c < channels; ++c)
      squares += row_squares(block + c * positions, positions, mean);
    const float variance = static_cast<float>(squares / (channels * positions));
    const float inverse = 1.0f / std::sqrt(variance + options.eps);
    for (Index c = g * channels; c < (g + 1) * channels; ++c) {
      const float *in = x + c * positions;
      float *out = y + c * positions;
      const float factor = inverse * gain[c], level = shift[c];
      if (options.silu) {
#pragma omp simd
        for (Index p = 0; p < positions; ++p) {
          const float z = (in[p] - mean) * factor + level;
          out[p] = z * logistic(z);
        }
      } else {
#pragma omp simd
        for (Index p = 0; p < positions; ++p) out[p] = (in[p] - mean) * factor + level;
      }
    }
    means[g] = mean;
    inverses[g] = inverse;
  }
  return 0;
}

// x, gain, shift, options, mean, inverse, dy -> dx (N, C, P), d gain (N, C), d shift (N, C)
KERNEL(group_norm_gradient) {
  const float *x = tensor(data, 0), *gain = tensor(data, 1), *shift = tensor(data, 2);
  const Options options(tensor(data, 3));
  const float *means = tensor(data, 4), *inverses = tensor(data, 5), *dy = tensor(data, 6);
  float *dx = tensor(data, 7), *d_gain = tensor(data, 8), *d_shift = tensor(data, 9);
  const Index positions = shapes[0][2], channels = shapes[0][1] / options.groups;
#pragma omp parallel for
  for (Index g = 0; g < shapes[0][0] * options.groups; ++g) {
    const float mean = means[g], inverse = inverses[g];
    double level = 0.0, slope = 0.0;
    for (Index c = g * channels; c < (g + 1) * channels; ++c) {
      const float *in = x + c * positions, *d = dy + c * positions;
      float *dz = dx + c * positions;  // the gradient before the activation, for the time being
      const float factor = inverse * gain[c], height = shift[c];
      float sum = 0.0f, along = 0.0f;
      if (options.silu) {
#pragma omp simd reduction(+ : sum, along)
        for (Index p = 0; p < positions; ++p) {
          const float z = (in[p] - mean) * factor + height;
          dz[p] = d[p] * silu_slope(z, logistic(z));
          sum += dz[p];
          along += dz[p] * (in[p] - mean);
        }
      } else {
#pragma omp simd reduction(+ : sum, along)
        for (Index p = 0; p < positions; ++p) {
          dz[p] = d[p];
          sum += d[p];
          along += d[p] * (in[p] - mean);
        }
      }
      d_shift[c] = sum;
      d_gain[c] = along * inverse;
      level += static_cast<double>(gain[c]) * sum;
      slope += static_cast<double>(gain[c]) * d_gain[c];
    }
    const float base = static_cast<float>(level / (channels * positions)) * inverse;
    const float tilt = static_cast<float>(slope / (channels * positions)) * inverse * inverse;
    for (Index c = g * channels; c < (g + 1) * channels; ++c) {
      const float *in = x + c * positions;
      float *out = dx + c * positions;
      const float factor = inverse * gain[c];
#pragma omp simd
      for (Index p = 0; p < positions; ++p)
        out[p] = out[p] * factor - base - (in[p] - mean) * tilt;
    }
  }
  return 0;
}
