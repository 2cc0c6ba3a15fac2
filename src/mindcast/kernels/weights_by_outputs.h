// The gradient of a convolution for its weights where there are many output channels: these are the
// lanes, so that no sum goes across a vector. Their images are turned, a stretch of pixels at a time.
#pragma once
#include <omp.h>

#include "convolution.h"

namespace by_outputs {

// Summed together: 24 registers, or 12.
constexpr int COLUMNS = 6, VECTORS = MANY_REGISTERS ? 4 : 2;
constexpr Index OUTPUTS = VECTORS * LANES;  // turned at a time
constexpr Index STRETCH = 128;              // pixels whose turned outputs stay in the cache
constexpr Index TOGETHER = 64 * COLUMNS;    // columns whose sums do

// sums[k][o] += sum over pixels p of x[k][sources[p]] dy[p][o], for COLUMNS columns k
template <int wide>
void add_products(const float *dy, const Index *sources, Index pixels, const float *const *x,
                  float *sums) {
  Lanes parts[COLUMNS][wide] = {};
  for (Index p = 0; p < pixels; ++p) {
    const Index source = sources[p];
    Lanes at[wide];
    for (int v = 0; v < wide; ++v) at[v] = load(dy + (p * wide + v) * LANES);
    for (int k = 0; k < COLUMNS; ++k) {
      const float entry = x[k][source];
      for (int v = 0; v < wide; ++v) parts[k][v] += entry * at[v];
    }
  }
  for (int k = 0; k < COLUMNS; ++k)
    for (int v = 0; v < wide; ++v) {
      float *to = sums + (k * wide + v) * LANES;
      store(to, load(to) + parts[k][v]);
    }
}

using Add = void (*)(const float *, const Index *, Index, const float *const *, float *);
constexpr Add ADDS[] = {nullptr, add_products<1>, add_products<2>, add_products<3>,
                        add_products<4>};

// Some columns of some output channels of one group.
struct Block {
  Index group, output, outputs, column, columns;
  Index vectors() const { return (outputs + LANES - 1) / LANES; }
};

// What a thread works with.
struct Room {
  std::vector<float> turned, sums;
  std::vector<const float *> x;
  Room()
      : turned(STRETCH * OUTPUTS), sums((TOGETHER + COLUMNS) * OUTPUTS), x(TOGETHER + COLUMNS) {}
};

// Where the block's columns of an output frame are; zeros for taps that meet no frame.
inline void find_columns(const Convolution &c, const float *images, const Index *offsets,
                         const float *nothing, const Block &block, Index n, Index frame,
                         const float **x) {
  const Index taps = c.taps_h * c.taps_w, channel = n * c.channels + block.group * c.of_group;
  const Index begin = c.first_tap(frame), end = c.last_tap(frame);
  const float *from = images + (channel * c.frames + frame - c.pad_t) * c.plane();
  for (Index k = 0; k < block.columns + COLUMNS; ++k) {
    const Index column = block.column + std::min(k, block.columns - 1);
    const Index t = column / taps % c.taps_t;
    x[k] = begin <= t && t < end ? from + offsets[column] : nothing;
  }
}

// dw (O, columns) of the block
inline void add_up(const Convolution &c, const float *images, const float *dy,
                   const Index *offsets, const Index *sources, const float *nothing,
                   const Block &block, Room &room, float *dw) {
  const Index pixels = c.out_height * c.out_width, wide = block.vectors() * LANES;
  std::fill_n(room.sums.begin(), (block.columns + COLUMNS) * wide, 0.0f);
  std::fill_n(room.turned.begin(), STRETCH * wide, 0.0f);  // for lanes that no channel fills
  for (Index n = 0; n < c.samples; ++n)
    for (Index frame = 0; frame < c.out_frames; ++frame) {
      find_columns(c, images, offsets, nothing, block, n, frame, room.x.data());
      const Index output = n * c.outputs + block.group * c.out_of_group() + block.output;
      for (Index first = 0; first < pixels; first += STRETCH) {
        const Index count = std::min(STRETCH, pixels - first);
        turn(dy + (output * c.out_frames + frame) * pixels + first, c.out_frames * pixels,
             room.turned.data(), wide, block.outputs, count);
        for (Index k = 0; k < block.columns; k += COLUMNS)
          ADDS[block.vectors()](room.turned.data(), sources + first, count, room.x.data() + k,
                                room.sums.data() + k * wide);
      }
    }
  float *to = dw + (block.group * c.out_of_group() + block.output) * c.columns() + block.column;
  turn(room.sums.data(), wide, to, c.columns(), block.columns, block.outputs);
}

// images: bordered, dy: as they are, nothing: zeros, as many as a bordered image has.
inline void weights(const Convolution &c, const float *images, const float *dy,
                    const float *nothing, float *dw) {
  const std::vector<Index> offsets = c.offsets();
  std::vector<Index> sources;
  for (Index i = 0; i < c.out_height; ++i)
    for (Index j = 0; j < c.out_width; ++j) sources.push_back(i * c.row() + j);
  const Index chunks = (c.columns() + COLUMNS - 1) / COLUMNS;
  const Index panels = (c.out_of_group() + OUTPUTS - 1) / OUTPUTS, all = c.groups * panels * chunks;
#pragma omp parallel
  {
    Room room;
    const Index threads = omp_get_num_threads(), thread = omp_get_thread_num();
    const Index end = all * (thread + 1) / threads;
    for (Index chunk = all * thread / threads; chunk < end;) {
      const Index panel = chunk / chunks, column = chunk % chunks * COLUMNS;
      const Index left = std::min(c.columns() - column, (end - chunk) * COLUMNS);
      const Index output = panel % panels * OUTPUTS;
      const Block block = {panel / panels, output, std::min(OUTPUTS, c.out_of_group() - output),
                           column, std::min(TOGETHER, left)};
      add_up(c, images, dy, offsets.data(), sources.data(), nothing, block, room, dw);
      chunk += (block.columns + COLUMNS - 1) / COLUMNS;
    }
  }
}

}  // namespace by_outputs
