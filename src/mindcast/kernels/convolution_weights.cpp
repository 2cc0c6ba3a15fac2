// The gradient of a convolution of stride 1 for its weights and its bias.
#include "convolution.h"
#include "weights_by_outputs.h"
#include "weights_by_pixels.h"

namespace {

constexpr Index MANY = LANES / 2;  // output channels of a group from which on they are the lanes
constexpr Index AT_ONCE = 2048;    // numbers added up in float32 before float64

void add_up_bias(const Convolution &c, const float *dy, float *db) {
  const Index pixels = c.out_frames * c.out_height * c.out_width;
#pragma omp parallel for
  for (Index o = 0; o < c.outputs; ++o) {
    double sum = 0.0;
    for (Index n = 0; n < c.samples; ++n)
      for (Index p = 0; p < pixels; p += AT_ONCE) {
        float part = 0.0f;
        const float *from = dy + (n * c.outputs + o) * pixels + p;
#pragma omp simd reduction(+ : part)
        for (Index q = 0; q < std::min(AT_ONCE, pixels - p); ++q) part += from[q];
        sum += part;
      }
    db[o] = static_cast<float>(sum);
  }
}

}  // namespace

// x (N, C, T, H, W), dy (N, O, T', H', W'), weight (its shape is read), options
//   -> d weight (O, C / groups, KT, KH, KW), d bias (O)
KERNEL(convolution_weights) {
  const Convolution c(Sizes(shapes[0], ranks[0]), Sizes(shapes[2], ranks[2]), tensor(data, 3));
  const float *dy = tensor(data, 1), *images = bordered_input(c, tensor(data, 0));
  float *nothing = workspace(2, c.plane()), *dw = tensor(data, 4);
  std::memset(nothing, 0, c.plane() * sizeof(float));
  if (c.out_of_group() >= MANY)
    by_outputs::weights(c, images, dy, nothing, dw);
  else
    by_pixels::weights(c, images, dy, nothing, dw);
  add_up_bias(c, dy, tensor(data, 5));
  return 0;
}
