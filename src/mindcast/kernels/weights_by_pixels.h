// The gradient of a convolution for its weights where there are few output channels: pixels are the
// lanes, of images moved against each other, and every sum is added up across a vector at its end.
#pragma once
#include <omp.h>

#include "convolution.h"

namespace by_pixels {

// Output channels, and taps of input channels, at a time.
constexpr int ROWS = MANY_REGISTERS ? 4 : 2, COLUMNS = MANY_REGISTERS ? 6 : 4;
constexpr Index STRETCH = 128;  // vectors of pixels of all channels that stay in the cache

inline float total(const Lanes &lanes) {
  float numbers[LANES], sum = 0.0f;
  store(numbers, lanes);
#pragma omp simd reduction(+ : sum)
  for (Index lane = 0; lane < LANES; ++lane) sum += numbers[lane];
  return sum;
}

// Where the pixels of one frame are: of an output channel, and of every column moved by its tap.
struct Frame {
  const float *dy, *x[COLUMNS];
};

// to[r * step + k] += sum over frames and vectors of pixels of dy[r] x[k]; output channels are
// `apart`, the vectors of x begin at `sources`.
template <int rows>
void add_products(const Frame *frames, Index count, Index apart, const Index *sources,
                  Index vectors, Index columns, float *to, Index step) {
  Lanes sums[rows][COLUMNS] = {};
  for (Index f = 0; f < count; ++f) {
    const Frame &frame = frames[f];
    for (Index v = 0; v < vectors; ++v) {
      Lanes at[COLUMNS];
      for (int k = 0; k < COLUMNS; ++k) at[k] = load(frame.x[k] + sources[v]);
      for (int r = 0; r < rows; ++r) {
        const Lanes d = load(frame.dy + r * apart + v * LANES);
        for (int k = 0; k < COLUMNS; ++k) sums[r][k] += d * at[k];
      }
    }
  }
  for (int r = 0; r < rows; ++r)
    for (Index k = 0; k < columns; ++k) to[r * step + k] += total(sums[r][k]);
}

using Add = void (*)(const Frame *, Index, Index, const Index *, Index, Index, float *, Index);
constexpr Add ADDS[] = {nullptr, add_products<1>, add_products<2>, add_products<3>,
                        add_products<4>};

struct Images {
  const float *x, *dy, *nothing;
  Index dy_plane;
};

// The column's taps in frame `frame` of sample `n`; zeros outside of the volume.
inline const float *column_of(const Convolution &c, const Images &images, const Index *offsets,
                       Index group, Index column, Index n, Index frame) {
  const Index t = column / (c.taps_h * c.taps_w) % c.taps_t;
  if (t < c.first_tap(frame) || t >= c.last_tap(frame)) return images.nothing;
  const Index image = (n * c.channels + group * c.of_group) * c.frames + frame - c.pad_t;
  return images.x + image * c.plane() + offsets[column];
}

// A thread's columns: those of chunks [begin, end) of all groups' chunks.
inline void add_chunks(const Convolution &c, const Images &images, Index begin, Index end, float *dw) {
  const Index chunks = (c.columns() + COLUMNS - 1) / COLUMNS, outs = c.out_of_group();
  const Index vectors = c.vectors(), apart = c.out_frames * images.dy_plane;
  const Index together = std::max<Index>(1, STRETCH / vectors);  // frames
  const std::vector<Index> offsets = c.offsets();
  std::vector<Index> sources(vectors);
  for (Index v = 0; v < vectors; ++v) sources[v] = c.source(v);
  std::vector<Frame> frames(together);
  for (Index n = 0; n < c.samples; ++n)
    for (Index frame = 0; frame < c.out_frames; frame += together)
      for (Index vector = 0; vector < vectors; vector += STRETCH) {
        const Index count = std::min(together, c.out_frames - frame);
        const Index length = std::min(STRETCH, vectors - vector);
        for (Index chunk = begin; chunk < end; ++chunk) {
          const Index group = chunk / chunks, first = chunk % chunks * COLUMNS;
          const Index columns = std::min<Index>(COLUMNS, c.columns() - first);
          const float *dy = images.dy + (n * c.outputs + group * outs) * apart + vector * LANES;
          for (Index f = 0; f < count; ++f) {
            frames[f].dy = dy + (frame + f) * images.dy_plane;
            for (Index k = 0; k < COLUMNS; ++k)
              frames[f].x[k] = column_of(c, images, offsets.data(), group,
                                         first + std::min(k, columns - 1), n, frame + f);
          }
          for (Index out = 0; out < outs; out += ROWS) {
            float *to = dw + (group * outs + out) * c.columns() + first;
            ADDS[std::min<Index>(ROWS, outs - out)](frames.data(), count, apart,
                                                    sources.data() + vector, length, columns, to,
                                                    c.columns());
            for (Index f = 0; f < count; ++f) frames[f].dy += ROWS * apart;
          }
        }
      }
}

// images: bordered, dy: as they are, nothing: zeros, as many as a bordered image has.
inline void weights(const Convolution &c, const float *images, const float *dy,
                    const float *nothing, float *dw) {
  const float *dys = dy;  // whose rows are as long as those of the images
  const Index dy_plane = c.vectors() * LANES;
  if (!c.aligned()) {
    const Index planes = c.samples * c.outputs * c.out_frames;
    float *spread = workspace(1, planes * dy_plane);
    bordered(dy, spread, planes, c.out_height, c.out_width, 0, 0, c.row(), dy_plane);
    dys = spread;
  }
  std::memset(dw, 0, c.outputs * c.columns() * sizeof(float));
  const Index chunks = c.groups * ((c.columns() + COLUMNS - 1) / COLUMNS);
#pragma omp parallel
  {
    const Index threads = omp_get_num_threads(), thread = omp_get_thread_num();
    add_chunks(c, {images, dys, nothing, dy_plane}, chunks * thread / threads,
               chunks * (thread + 1) / threads, dw);
  }
}

}  // namespace by_pixels
