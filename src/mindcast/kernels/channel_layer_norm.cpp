// y = (x - mean) / sqrt(variance + eps) * gain over the channels at every position.
#include "tiles.h"
#include "vector_math.h"

// x (F, C, P), gain (C), eps (1) -> y (F, C, P), mean (F, P), inverse standard deviation (F, P)
KERNEL(channel_layer_norm) {
  const float *x = tensor(data, 0), *gain = tensor(data, 1);
  const float eps = *tensor(data, 2);
  float *y = tensor(data, 3), *means = tensor(data, 4), *inverses = tensor(data, 5);
  const Tiles tiles(shapes[0]);
#pragma omp parallel for
  for (Index number = 0; number < tiles.count(); ++number) {
    const Tile tile(tiles, number);
    float *mean = means + tile.frame * tiles.positions + tile.begin;
    float *inverse = inverses + tile.frame * tiles.positions + tile.begin;
    float sums[TILE] = {}, squares[TILE] = {};
    for (Index c = 0; c < tiles.channels; ++c) {
      const float *in = x + tile.offset + c * tiles.positions;
#pragma omp simd
      for (Index p = 0; p < tile.width; ++p) sums[p] += in[p];
    }
    for (Index p = 0; p < tile.width; ++p) mean[p] = sums[p] / tiles.channels;
    for (Index c = 0; c < tiles.channels; ++c) {
      const float *in = x + tile.offset + c * tiles.positions;
#pragma omp simd
      for (Index p = 0; p < tile.width; ++p)
        squares[p] += (in[p] - mean[p]) * (in[p] - mean[p]);
    }
    for (Index p = 0; p < tile.width; ++p)
      inverse[p] = 1.0f / std::sqrt(squares[p] / tiles.channels + eps);
    for (Index c = 0; c < tiles.channels; ++c) {
      const float *in = x + tile.offset + c * tiles.positions;
      float *out = y + tile.offset + c * tiles.positions;
#pragma omp simd
      for (Index p = 0; p < tile.width; ++p) out[p] = (in[p] - mean[p]) * inverse[p] * gain[c];
    }
  }
  return 0;
}

// x, gain, mean, inverse, dy -> dx (F, C, P), d gain (F, C)
KERNEL(channel_layer_norm_gradient) {
  const float *x = tensor(data, 0), *gain = tensor(data, 1), *means = tensor(data, 2),
              *inverses = tensor(data, 3), *dy = tensor(data, 4);
  float *dx = tensor(data, 5);
  const Tiles tiles(shapes[0]);
  ChannelSums of_gain(tiles);
#pragma omp parallel for
  for (Index number = 0; number < tiles.count(); ++number) {
    const Tile tile(tiles, number);
    const float *mean = means + tile.frame * tiles.positions + tile.begin;
    const float *inverse = inverses + tile.frame * tiles.positions + tile.begin;
    float levels[TILE] = {}, slopes[TILE] = {};
    for (Index c = 0; c < tiles.channels; ++c) {
      const Index at = tile.offset + c * tiles.positions;
      float along = 0.0f;
#pragma omp simd reduction(+ : along)
      for (Index p = 0; p < tile.width; ++p) {
        const float normed = (x[at + p] - mean[p]) * inverse[p], d = dy[at + p];
        along += d * normed;
        levels[p] += d * gain[c];
        slopes[p] += d * gain[c] * normed;
      }
      of_gain.of(number)[c] = along;
    }
    for (Index p = 0; p < tile.width; ++p) {
      levels[p] /= tiles.channels;
      slopes[p] /= tiles.channels;
    }
    for (Index c = 0; c < tiles.channels; ++c) {
      const Index at = tile.offset + c * tiles.positions;
#pragma omp simd
      for (Index p = 0; p < tile.width; ++p) {
        const float normed = (x[at + p] - mean[p]) * inverse[p];
        dx[at + p] = (dy[at + p] * gain[c] - levels[p] - normed * slopes[p]) * inverse[p];
      }
    }
  }
  of_gain.add_up(tensor(data, 6));
  return 0;
}
