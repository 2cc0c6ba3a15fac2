// y = act(x / max(|x|, 1e-12) * gain + shift), |x| the length of the channel vector at a position
// (Zhang and Sennrich 2019, without the epsilon); act is SiLU or nothing.
#include "tiles.h"
#include "vector_math.h"

namespace {

constexpr float SMALLEST = 1e-12f;

}  // namespace

// x (F, C, P), gain (F, C), shift (F, C), SiLU (1) -> y (F, C, P), inverse length (F, P)
KERNEL(channel_rms_norm) {
  const float *x = tensor(data, 0), *gain = tensor(data, 1), *shift = tensor(data, 2);
  const bool silu = *tensor(data, 3) != 0.0f;
  float *y = tensor(data, 4), *inverses = tensor(data, 5);
  const Tiles tiles(shapes[0]);
#pragma omp parallel for
  for (Index number = 0; number < tiles.count(); ++number) {
    const Tile tile(tiles, number);
    float squares[TILE] = {};
    for (Index c = 0; c < tiles.channels; ++c) {
      const float *in = x + tile.offset + c * tiles.positions;
#pragma omp simd
      for (Index p = 0; p < tile.width; ++p) squares[p] += in[p] * in[p];
    }
    float *inverse = inverses + tile.frame * tiles.positions + tile.begin;
    for (Index p = 0; p < tile.width; ++p) {
      const float length = std::sqrt(squares[p]);
      inverse[p] = 1.0f / (length < SMALLEST ? SMALLEST : length);
    }
    for (Index c = 0; c < tiles.channels; ++c) {
      const float *in = x + tile.offset + c * tiles.positions;
      float *out = y + tile.offset + c * tiles.positions;
      const float factor = gain[tile.frame * tiles.channels + c];
      const float level = shift[tile.frame * tiles.channels + c];
      if (silu) {
#pragma omp simd
        for (Index p = 0; p < tile.width; ++p) {
          const float z = in[p] * inverse[p] * factor + level;
          out[p] = z * logistic(z);
        }
      } else {
#pragma omp simd
        for (Index p = 0; p < tile.width; ++p) out[p] = in[p] * inverse[p] * factor + level;
      }
    }
  }
  return 0;
}

// x, gain, shift, SiLU, inverse length, dy -> dx (F, C, P), d gain (F, C), d shift (F, C)
KERNEL(channel_rms_norm_gradient) {
  const float *x = tensor(data, 0), *gain = tensor(data, 1), *shift = tensor(data, 2);
  const bool silu = *tensor(data, 3) != 0.0f;
  const float *inverses = tensor(data, 4), *dy = tensor(data, 5);
  float *dx = tensor(data, 6);
  const Tiles tiles(shapes[0]);
  ChannelSums of_gain(tiles), of_shift(tiles);
#pragma omp parallel for
  for (Index number = 0; number < tiles.count(); ++number) {
    const Tile tile(tiles, number);
    const float *inverse = inverses + tile.frame * tiles.positions + tile.begin;
    float slopes[TILE] = {};
    for (Index c = 0; c < tiles.channels; ++c) {
      const Index at = tile.offset + c * tiles.positions;
      const float factor = gain[tile.frame * tiles.channels + c];
      const float level = shift[tile.frame * tiles.channels + c];
      const float *in = x + at, *d = dy + at;
      float *dz = dx + at;  // the gradient before the activation, for the time being
      float sum = 0.0f, along = 0.0f;
#pragma omp simd reduction(+ : sum, along)
      for (Index p = 0; p < tile.width; ++p) {
        const float normed = in[p] * inverse[p], z = normed * factor + level;
        dz[p] = silu ? d[p] * silu_slope(z, logistic(z)) : d[p];
        sum += dz[p];
        along += dz[p] * normed;
        slopes[p] += factor * dz[p] * in[p];
      }
      of_gain.of(number)[c] = along;
      of_shift.of(number)[c] = sum;
    }
    // a vector shorter than the smallest length is divided by a constant: no second term
    for (Index p = 0; p < tile.width; ++p)
      slopes[p] *= inverse[p] < 1.0f / SMALLEST ? inverse[p] * inverse[p] : 0.0f;
    for (Index c = 0; c < tiles.channels; ++c) {
      const Index at = tile.offset + c * tiles.positions;
      const float *in = x + at, factor = gain[tile.frame * tiles.channels + c];
      float *out = dx + at;
#pragma omp simd
      for (Index p = 0; p < tile.width; ++p)
        out[p] = (out[p] * factor - in[p] * slopes[p]) * inverse[p];
    }
  }
  of_gain.add_up(tensor(data, 7));
  of_shift.add_up(tensor(data, 8));
  return 0;
}
