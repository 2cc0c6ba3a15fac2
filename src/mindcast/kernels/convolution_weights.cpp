// The gradient of a convolution of stride 1 for its weights and its bias: products of images moved
// against each other, summed over their pixels in registers.
#include <omp.h>

#include "convolution.h"

namespace {

constexpr int ROWS = 4, COLUMNS = 6;      // output channels, and taps of input channels, at a time
constexpr Index STRETCH = 2048;           // pixels of all channels that stay in the cache

// to[r * step + k] += sum over pixels of dy[r] x[k], `length` a multiple of LANES.
template <int rows>
void add_products(const float *const *dy, const float *const *x, Index length, Index columns,
                  float *to, Index step) {
  Lanes sums[rows][COLUMNS] = {};
  for (Index p = 0; p < length; p += LANES) {
    Lanes at[COLUMNS];
    for (int k = 0; k < COLUMNS; ++k) at[k] = load(x[k] + p);
    for (int r = 0; r < rows; ++r) {
      const Lanes d = load(dy[r] + p);
      for (int k = 0; k < COLUMNS; ++k) sums[r][k] += d * at[k];
    }
  }
  for (int r = 0; r < rows; ++r)
    for (Index k = 0; k < columns; ++k) {
      float sum = 0.0f;
      for (Index lane = 0; lane < LANES; ++lane) sum += sums[r][k][lane];
      to[r * step + k] += sum;
    }
}

using Add = void (*)(const float *const *, const float *const *, Index, Index, float *, Index);
constexpr Add ADDS[ROWS + 1] = {nullptr, add_products<1>, add_products<2>, add_products<3>,
                                add_products<4>};

// A thread's columns: those of chunks [begin, end) of all groups' chunks.
void add_chunks(const Convolution &c, const float *images, const float *dys, const float *nothing,
                Index dy_plane, Index begin, Index end, float *dw) {
  const Index chunks = (c.columns() + COLUMNS - 1) / COLUMNS, outs = c.out_of_group();
  const Index taps = c.taps_h * c.taps_w;
  for (Index n = 0; n < c.samples; ++n)
    for (Index frame = 0; frame < c.out_frames; ++frame)
      for (Index pixel = 0; pixel < c.flat(); pixel += STRETCH) {
        const Index length =
            (std::min(STRETCH, c.flat() - pixel) + LANES - 1) / LANES * LANES;
        for (Index chunk = begin; chunk < end; ++chunk) {
          const Index group = chunk / chunks, first = chunk % chunks * COLUMNS;
          const Index count = std::min<Index>(COLUMNS, c.columns() - first);
          const float *x[COLUMNS];
          for (Index k = 0; k < COLUMNS; ++k) {
            const Index column = first + std::min(k, count - 1);
            const Index channel = column / (c.taps_t * taps), t = column / taps % c.taps_t;
            const Index i = column % taps / c.taps_w, j = column % c.taps_w;
            const Index source = frame + t * c.step_t - c.pad_t;
            const Index image = (n * c.channels + group * c.of_group + channel) * c.frames + source;
            x[k] = source < 0 || source >= c.frames
                       ? nothing
                       : images + image * c.plane() + i * c.step_h * c.row() + j * c.step_w + pixel;
          }
          for (Index out = 0; out < outs; out += ROWS) {
            const Index rows = std::min<Index>(ROWS, outs - out);
            const float *dy[ROWS];
            for (Index r = 0; r < rows; ++r)
              dy[r] = dys + pixel +
                      ((n * c.outputs + group * outs + out + r) * c.out_frames + frame) * dy_plane;
            ADDS[rows](dy, x, length, count,
                       dw + (group * outs + out) * c.columns() + first, c.columns());
          }
        }
      }
}

}  // namespace

// x (N, C, T, H, W), dy (N, O, T', H', W'), weight (its shape is read), options
//   -> d weight (O, C / groups, KT, KH, KW), d bias (O)
KERNEL(convolution_weights) {
  const Convolution c(shapes[0], shapes[2], tensor(data, 3));
  const float *x = tensor(data, 0), *dy = tensor(data, 1);
  float *dw = tensor(data, 4), *db = tensor(data, 5);
  const float *images = bordered_input(c, x), *dys = dy;
  const Index dy_plane = c.bare() ? c.flat() : c.flat() + LANES;
  if (!c.bare()) {
    const Index planes = c.samples * c.outputs * c.out_frames;
    float *spread = workspace(1, planes * dy_plane);
    bordered(dy, spread, planes, c.out_height, c.out_width, 0, 0, c.row(), dy_plane);
    dys = spread;
  }
  float *nothing = workspace(2, STRETCH);
  std::memset(nothing, 0, STRETCH * sizeof(float));
  std::memset(dw, 0, c.outputs * c.columns() * sizeof(float));
  const Index chunks = c.groups * ((c.columns() + COLUMNS - 1) / COLUMNS);
#pragma omp parallel
  {
    const Index threads = omp_get_num_threads(), thread = omp_get_thread_num();
    add_chunks(c, images, dys, nothing, dy_plane, chunks * thread / threads,
               chunks * (thread + 1) / threads, dw);
  }
  const Index pixels = c.out_frames * c.out_height * c.out_width;
#pragma omp parallel for
  for (Index o = 0; o < c.outputs; ++o) {
    double sum = 0.0;
    for (Index n = 0; n < c.samples; ++n)
      for (Index p = 0; p < pixels; p += STRETCH) {
        float part = 0.0f;
        const float *from = dy + (n * c.outputs + o) * pixels + p;
#pragma omp simd reduction(+ : part)
        for (Index q = 0; q < std::min(STRETCH, pixels - p); ++q) part += from[q];
        sum += part;
      }
    db[o] = static_cast<float>(sum);
  }
  return 0;
}
