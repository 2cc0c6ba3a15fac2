// Convolutions of stride 1 without an unfolded copy of the image: every output pixel is summed in
// registers, a few vectors of pixels of a few channels at a time, from the bordered image.
#include "convolution.h"

namespace {

// Of the output, summed together: 24 registers, or 12.
constexpr int CHANNELS = 6, MOST_VECTORS = 4, VECTORS = MANY_REGISTERS ? MOST_VECTORS : 2;
constexpr Index AHEAD = 24;  // columns; so much earlier pixels are asked for

// What a sum runs over: of every `period` columns, from the first on, `run`. Most often that is one
// run of all; at the ends of a volume it is those taps of each channel that meet a frame.
struct Runs {
  Index columns, first, run, period;
  Runs(const Convolution &c, Index frame)
      : columns(c.columns()), first(0), run(c.columns()), period(c.columns()) {
    const Index taps = c.taps_h * c.taps_w, begin = c.first_tap(frame), end = c.last_tap(frame);
    if (end - begin == c.taps_t) return;
    first = begin * taps;
    run = std::max<Index>(0, end - begin) * taps;
    period = c.taps_t * taps;
  }
};

struct Work {
  Runs runs;
  const float *pixels[MOST_VECTORS];  // under the first tap of the first channel of a group
  const Index *offsets;               // of the columns, and AHEAD more
  const float *weights, *bias;        // of the first output channel
};

// Sums of `count` output channels at `wide` vectors of pixels.
template <int count, int wide>
void sum_pixels(const Work &work, float *out) {
  Lanes sums[count][wide];
  for (int o = 0; o < count; ++o)
    for (int v = 0; v < wide; ++v)
      sums[o][v] = Lanes{} + (work.bias ? work.bias[o] : 0.0f);
  const Runs runs = work.runs;
  const float *pixels[wide];
  for (int v = 0; v < wide; ++v) pixels[v] = work.pixels[v];
  for (Index begin = runs.first; begin < runs.columns; begin += runs.period)
    for (Index column = begin; column < begin + runs.run; ++column) {
      const Index offset = work.offsets[column], soon = work.offsets[column + AHEAD];
      Lanes at[wide];
      for (int v = 0; v < wide; ++v) at[v] = load(pixels[v] + offset);
      for (int v = 0; v < wide; ++v) __builtin_prefetch(pixels[v] + soon);
      for (int o = 0; o < count; ++o) {
        const float weight = work.weights[o * runs.columns + column];
        for (int v = 0; v < wide; ++v) sums[o][v] += weight * at[v];
      }
    }
  for (int o = 0; o < count; ++o)
    for (int v = 0; v < wide; ++v) store(out + (o * wide + v) * LANES, sums[o][v]);
}

using Sum = void (*)(const Work &, float *);
#define OF(count)                                                                \
  {sum_pixels<count, 1>, sum_pixels<count, 2>, sum_pixels<count, 3>, sum_pixels<count, 4>}
constexpr Sum SUMS[CHANNELS][MOST_VECTORS] = {OF(1), OF(2), OF(3), OF(4), OF(5), OF(6)};
#undef OF

// Neighbouring vectors of pixels of all channels side by side, for what has nothing but a weight a
// channel: in images whose size is a power of two they would drive each other out of the cache.
class Packed {
 public:
  explicit Packed(Index channels) : channels_(channels), kept_(channels * VECTORS * LANES) {}

  // `from`: of the first channel, the others `apart`.
  void hold(const float *from, Index apart, Index vectors) {
    if (from == held_) return;
    held_ = from;
    for (Index channel = 0; channel < channels_; ++channel)
      std::memcpy(kept_.data() + channel * VECTORS * LANES, from + channel * apart,
                  vectors * LANES * sizeof(float));
  }
  const float *vector(Index number) const { return kept_.data() + number * LANES; }

 private:
  Index channels_;
  std::vector<float> kept_;
  const float *held_ = nullptr;
};

// Pixels from vector number `first` on to their places in an output image.
void place(const Convolution &c, const float *sums, Index first, Index count, float *image) {
  if (c.aligned()) {
    std::memcpy(image + first * LANES, sums, count * LANES * sizeof(float));
    return;
  }
  const Index row = c.row(), begin = first * LANES;
  const Index end = std::min(begin + count * LANES, c.out_height * row);
  for (Index p = begin; p < end;) {
    const Index i = p / row, j = p % row;
    const Index run = std::min(end, (i + 1) * row) - p, used = std::min(run, c.out_width - j);
    if (used > 0)
      std::memcpy(image + i * c.out_width + j, sums + (p - begin), used * sizeof(float));
    p += run;
  }
}

void convolve(const Convolution &c, const float *x, const float *weight, const float *bias,
              float *y) {
  const float *images = bordered_input(c, x);
  const bool packs = c.bare() && c.taps_t == 1;
  std::vector<Index> offsets = c.offsets();
  if (packs)
    for (Index channel = 0; channel < c.of_group; ++channel)
      offsets[channel] = channel * VECTORS * LANES;
  offsets.resize(offsets.size() + AHEAD, offsets.back());
  const Index blocks = (c.out_of_group() + CHANNELS - 1) / CHANNELS;
  const Index vectors = c.vectors(), rounds = (vectors + VECTORS - 1) / VECTORS;
#pragma omp parallel
  {
    Packed packed(packs ? c.of_group : 0);
#pragma omp for collapse(4)
    for (Index n = 0; n < c.samples; ++n)
      for (Index frame = 0; frame < c.out_frames; ++frame)
        for (Index round = 0; round < rounds; ++round)
          for (Index block = 0; block < c.groups * blocks; ++block) {
            const Index group = block / blocks;
            const Index first = group * c.out_of_group() + block % blocks * CHANNELS;
            const Index last = std::min(first + CHANNELS, (group + 1) * c.out_of_group());
            const Index vector = round * VECTORS, wide = std::min<Index>(VECTORS, vectors - vector);
            const Index image = (n * c.channels + group * c.of_group) * c.frames + frame - c.pad_t;
            Work work = {Runs(c, frame), {}, offsets.data(), weight + first * c.columns(),
                         bias ? bias + first : nullptr};
            for (Index v = 0; v < wide; ++v)
              work.pixels[v] = images + image * c.plane() + c.source(vector + v);
            if (packs) {
              packed.hold(work.pixels[0], c.frames * c.plane(), wide);
              for (Index v = 0; v < wide; ++v) work.pixels[v] = packed.vector(v);
            }
            float sums[CHANNELS * VECTORS * LANES];
            SUMS[last - first - 1][wide - 1](work, sums);
            for (Index o = first; o < last; ++o)
              place(c, sums + (o - first) * wide * LANES, vector, wide,
                    y + ((n * c.outputs + o) * c.out_frames + frame) * c.out_height * c.out_width);
          }
  }
}

}  // namespace

// x (N, C, T, H, W), weight (O, C / groups, KT, KH, KW), bias (O) or one number where there is
// none, options (see Convolution) -> y (N, O, T', H', W')
KERNEL(convolution) {
  const Convolution c(Sizes(shapes[0], ranks[0]), Sizes(shapes[1], ranks[1]), tensor(data, 3));
  const float *bias = shapes[2][0] == c.outputs ? tensor(data, 2) : nullptr;
  convolve(c, tensor(data, 0), tensor(data, 1), bias, tensor(data, 4));
  return 0;
}

// dy (N, O, T', H', W'), weight, options -> dx: the convolution of dy with the taps in reverse and
// the channels' sides exchanged
KERNEL(convolution_input_gradient) {
  const float *options = tensor(data, 2), *weight = tensor(data, 1);
  const Sizes w(shapes[1], ranks[1]);
  const Index groups = static_cast<Index>(options[0]);
  const Index outs = w[0] / groups, ins = w[1], taps = product(w.of, 2, 5);
  const Index turned_shape[5] = {groups * ins, outs, w[2], w[3], w[4]};
  float back[7] = {options[0], 0, 0, 0, options[4], options[5], options[6]};
  for (int axis = 0; axis < 3; ++axis)
    back[1 + axis] = options[4 + axis] * (w[2 + axis] - 1) - options[1 + axis];
  float *turned = workspace(1, product(w.of, 0, 5));
#pragma omp parallel for collapse(2)
  for (Index group = 0; group < groups; ++group)
    for (Index begin = 0; begin < ins; begin += LANES)  // neighbours lie together in the cache
      for (Index out = 0; out < outs; ++out)
        for (Index in = begin; in < std::min(begin + LANES, ins); ++in) {
          const float *from = weight + ((group * outs + out) * ins + in) * taps;
          float *to = turned + ((group * ins + in) * outs + out) * taps;
          for (Index tap = 0; tap < taps; ++tap) to[tap] = from[taps - 1 - tap];
        }
  const Convolution c(Sizes(shapes[0], ranks[0]), Sizes(turned_shape, 5), back);
  convolve(c, tensor(data, 0), turned, nullptr, tensor(data, 3));
  return 0;
}
