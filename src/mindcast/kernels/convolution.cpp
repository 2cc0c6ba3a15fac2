// Convolutions of stride 1 without an unfolded copy of the image: every output pixel is summed in
// registers, ROUND pixels of a few channels at a time, straight from the bordered image.
#include "convolution.h"

namespace {

constexpr int CHANNELS = 6;  // output channels that share the pixels they read

// Sums of `count` output channels at ROUND pixels.
template <int count>
void sum_pixels(const Convolution &c, const float *images, const float *const *weights,
                const float *bias, Index frame, Index pixel, float *out) {
  Lanes sums[count][4];
  for (int o = 0; o < count; ++o)
    for (int l = 0; l < 4; ++l) sums[o][l] = Lanes{} + bias[o];
  const Index row = c.row(), plane = c.plane();
  Index column = 0;
  for (Index channel = 0; channel < c.of_group; ++channel)
    for (Index t = 0; t < c.taps_t; ++t) {
      const Index source = frame + t * c.step_t - c.pad_t;
      if (source < 0 || source >= c.frames) {
        column += c.taps_h * c.taps_w;
        continue;
      }
      const float *image = images + (channel * c.frames + source) * plane + pixel;
      for (Index i = 0; i < c.taps_h; ++i)
        for (Index j = 0; j < c.taps_w; ++j, ++column) {
          const float *x = image + i * c.step_h * row + j * c.step_w;
          const Lanes at[4] = {load(x), load(x + LANES), load(x + 2 * LANES),
                               load(x + 3 * LANES)};
          for (int o = 0; o < count; ++o) {
            const float weight = weights[o][column];
            for (int l = 0; l < 4; ++l) sums[o][l] += weight * at[l];
          }
        }
    }
  for (int o = 0; o < count; ++o)
    for (int l = 0; l < 4; ++l) store(out + o * ROUND + l * LANES, sums[o][l]);
}

using Sum = void (*)(const Convolution &, const float *, const float *const *, const float *,
                     Index, Index, float *);
constexpr Sum SUMS[CHANNELS + 1] = {nullptr,       sum_pixels<1>, sum_pixels<2>, sum_pixels<3>,
                                    sum_pixels<4>, sum_pixels<5>, sum_pixels<6>};

// Takes the border's columns out again: pixels of long rows to those of an image.
void place(const Convolution &c, const float *sums, Index pixel, float *image) {
  const Index row = c.row(), end = std::min(pixel + ROUND, c.flat());
  for (Index p = pixel; p < end;) {
    const Index i = p / row, j = p % row;
    const Index run = std::min(end, (i + 1) * row) - p, used = std::min(run, c.out_width - j);
    if (used > 0)
      std::memcpy(image + i * c.out_width + j, sums + (p - pixel), used * sizeof(float));
    p += run;
  }
}

void convolve(const Convolution &c, const float *x, const float *weight, const float *bias,
              float *y) {
  const float *images = bordered_input(c, x);
  const Index blocks = (c.out_of_group() + CHANNELS - 1) / CHANNELS;
  const Index rounds = (c.flat() + ROUND - 1) / ROUND;
#pragma omp parallel for collapse(4)
  for (Index n = 0; n < c.samples; ++n)
    for (Index frame = 0; frame < c.out_frames; ++frame)
      for (Index round = 0; round < rounds; ++round)
        for (Index block = 0; block < c.groups * blocks; ++block) {
          const Index group = block / blocks;
          const Index first = group * c.out_of_group() + block % blocks * CHANNELS;
          const Index last = std::min(first + CHANNELS, (group + 1) * c.out_of_group());
          const float *rows[CHANNELS];
          float start[CHANNELS], sums[CHANNELS * ROUND];
          for (Index o = first; o < last; ++o) {
            rows[o - first] = weight + o * c.columns();
            start[o - first] = bias ? bias[o] : 0.0f;
          }
          const float *of_group =
              images + (n * c.channels + group * c.of_group) * c.frames * c.plane();
          SUMS[last - first](c, of_group, rows, start, frame, round * ROUND, sums);
          for (Index o = first; o < last; ++o)
            place(c, sums + (o - first) * ROUND, round * ROUND,
                  y + ((n * c.outputs + o) * c.out_frames + frame) * c.out_height * c.out_width);
        }
}

}  // namespace

// x (N, C, T, H, W), weight (O, C / groups, KT, KH, KW), bias (O) or one number where there is
// none, options (see Convolution) -> y (N, O, T', H', W')
KERNEL(convolution) {
  const Convolution c(shapes[0], shapes[1], tensor(data, 3));
  const float *bias = shapes[2][0] == c.outputs ? tensor(data, 2) : nullptr;
  convolve(c, tensor(data, 0), tensor(data, 1), bias, tensor(data, 4));
  return 0;
}

// dy (N, O, T', H', W'), weight, options -> dx: the convolution of dy with the taps in reverse and
// the channels' sides exchanged
KERNEL(convolution_input_gradient) {
  const float *options = tensor(data, 2), *weight = tensor(data, 1);
  const Index *w = shapes[1], groups = static_cast<Index>(options[0]);
  const Index outs = w[0] / groups, ins = w[1], taps = product(w, 2, 5);
  const Index turned_shape[5] = {groups * ins, outs, w[2], w[3], w[4]};
  float back[7] = {options[0], 0, 0, 0, options[4], options[5], options[6]};
  for (int axis = 0; axis < 3; ++axis)
    back[1 + axis] = options[4 + axis] * (w[2 + axis] - 1) - options[1 + axis];
  float *turned = workspace(1, product(w, 0, 5));
#pragma omp parallel for collapse(2)
  for (Index group = 0; group < groups; ++group)
    for (Index in = 0; in < ins; ++in)
      for (Index out = 0; out < outs; ++out) {
        const float *from = weight + ((group * outs + out) * ins + in) * taps;
        float *to = turned + ((group * ins + in) * outs + out) * taps;
        for (Index tap = 0; tap < taps; ++tap) to[tap] = from[taps - 1 - tap];
      }
  const Convolution c(shapes[0], turned_shape, back);
  convolve(c, tensor(data, 0), turned, nullptr, tensor(data, 3));
  return 0;
}
