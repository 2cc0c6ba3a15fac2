// The gradient of a convolution of stride 1 for its weights and its bias: products of images moved
// against each other, summed over their pixels in registers.
#include <omp.h>

#include "convolution.h"

namespace {

constexpr int ROWS = 4, COLUMNS = 6;  // output channels, and taps of input channels, at a time
constexpr Index STRETCH = 128;        // vectors of pixels of all channels that stay in the cache

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
constexpr Add ADDS[ROWS + 1] = {nullptr, add_products<1>, add_products<2>, add_products<3>,
                                add_products<4>};

struct Images {
  const float *x, *dy, *nothing;
  Index dy_plane;
};

// The column's taps in frame `frame` of sample `n`; zeros outside of the volume.
const float *column_of(const Convolution &c, const Images &images, const Index *shifts,
                       Index group, Index column, Index n, Index frame) {
  const Index taps = c.taps_h * c.taps_w;
  const Index channel = column / (c.taps_t * taps), t = column / taps % c.taps_t;
  const Index source = frame + t * c.step_t - c.pad_t;
  if (source < 0 || source >= c.frames) return images.nothing;
  const Index image = (n * c.channels + group * c.of_group + channel) * c.frames + source;
  return images.x + image * c.plane() + shifts[column % taps];
}

// A thread's columns: those of chunks [begin, end) of all groups' chunks.
void add_chunks(const Convolution &c, const Images &images, Index begin, Index end, float *dw) {
  const Index chunks = (c.columns() + COLUMNS - 1) / COLUMNS, outs = c.out_of_group();
  const Index vectors = c.vectors(), apart = c.out_frames * images.dy_plane;
  const Index together = std::max<Index>(1, STRETCH / vectors);  // frames
  const std::vector<Index> shifts = c.shifts();
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
              frames[f].x[k] = column_of(c, images, shifts.data(), group,
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

}  // namespace

// x (N, C, T, H, W), dy (N, O, T', H', W'), weight (its shape is read), options
//   -> d weight (O, C / groups, KT, KH, KW), d bias (O)
KERNEL(convolution_weights) {
  const Convolution c(Sizes(shapes[0], ranks[0]), Sizes(shapes[2], ranks[2]), tensor(data, 3));
  const float *x = tensor(data, 0), *dy = tensor(data, 1);
  float *dw = tensor(data, 4), *db = tensor(data, 5);
  const float *images = bordered_input(c, x), *dys = dy;
  const Index dy_plane = c.vectors() * LANES;
  if (!c.aligned()) {
    const Index planes = c.samples * c.outputs * c.out_frames;
    float *spread = workspace(1, planes * dy_plane);
    bordered(dy, spread, planes, c.out_height, c.out_width, 0, 0, c.row(), dy_plane);
    dys = spread;
  }
  float *nothing = workspace(2, c.plane());
  std::memset(nothing, 0, c.plane() * sizeof(float));
  std::memset(dw, 0, c.outputs * c.columns() * sizeof(float));
  const Index chunks = c.groups * ((c.columns() + COLUMNS - 1) / COLUMNS);
#pragma omp parallel
  {
    const Index threads = omp_get_num_threads(), thread = omp_get_thread_num();
    add_chunks(c, {images, dys, nothing, dy_plane}, chunks * thread / threads,
               chunks * (thread + 1) / threads, dw);
  }
  const Index pixels = c.out_frames * c.out_height * c.out_width;
#pragma omp parallel for
  for (Index o = 0; o < c.outputs; ++o) {
    double sum = 0.0;
    for (Index n = 0; n < c.samples; ++n)
      for (Index p = 0; p < pixels; p += STRETCH * LANES) {
        float part = 0.0f;
        const float *from = dy + (n * c.outputs + o) * pixels + p;
#pragma omp simd reduction(+ : part)
        for (Index q = 0; q < std::min(STRETCH * LANES, pixels - p); ++q) part += from[q];
        sum += part;
      }
    db[o] = static_cast<float>(sum);
  }
  return 0;
}
