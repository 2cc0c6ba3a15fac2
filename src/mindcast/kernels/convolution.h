// Sizes of a convolution of stride 1, and images with their zero border around them.
#pragma once
#include <algorithm>
#include <cstring>
#include <vector>

#include "kernel.h"
#include "small_product.h"


// Five sizes of a tensor that may lack the third axis.
struct Sizes {
  Index of[5];
  Sizes(const Index *shape, int rank) : of{shape[0], shape[1], 1, shape[rank - 2], shape[rank - 1]} {
    if (rank == 5) of[2] = shape[2];
  }
  Index operator[](int axis) const { return of[axis]; }
};

// x (N, C, T, H, W), weight (O, C / groups, KT, KH, KW), zeros on both sides, steps between taps;
// images and their weights may come without T.
struct Convolution {
  Index samples, channels, frames, height, width;
  Index outputs, of_group, taps_t, taps_h, taps_w;
  Index groups, pad_t, pad_h, pad_w, step_t, step_h, step_w;
  Index out_frames, out_height, out_width;

  // options: groups, pads (T, H, W), steps (T, H, W)
  Convolution(const Sizes &x, const Sizes &weight, const float *options)
      : samples(x[0]), channels(x[1]), frames(x[2]), height(x[3]), width(x[4]),
        outputs(weight[0]), of_group(weight[1]), taps_t(weight[2]), taps_h(weight[3]),
        taps_w(weight[4]), groups(whole(options[0])), pad_t(whole(options[1])),
        pad_h(whole(options[2])), pad_w(whole(options[3])), step_t(whole(options[4])),
        step_h(whole(options[5])), step_w(whole(options[6])) {
    out_frames = frames + 2 * pad_t - step_t * (taps_t - 1);
    out_height = height + 2 * pad_h - step_h * (taps_h - 1);
    out_width = width + 2 * pad_w - step_w * (taps_w - 1);
  }

  Index out_of_group() const { return outputs / groups; }
  Index columns() const { return of_group * taps_t * taps_h * taps_w; }
  Index row() const { return width + 2 * pad_w; }  // of a bordered image

  // The output's pixels go by vectors. Where its rows are whole vectors, these are its own;
  // elsewhere they run through rows as long as the bordered input's, whose ends are dropped.
  bool aligned() const { return out_width % LANES == 0; }
  Index vectors() const {
    return aligned() ? out_height * out_width / LANES : (out_height * row() + LANES - 1) / LANES;
  }
  Index source(Index vector) const {  // its first pixel in the bordered input, for the first tap
    const Index pixel = vector * LANES;
    return aligned() ? pixel / out_width * row() + pixel % out_width : pixel;
  }

  // Nothing but a weight a channel: the images serve as they are.
  bool bare() const { return taps_h * taps_w == 1 && pad_h + pad_w == 0 && aligned(); }
  Index plane() const {  // of a bordered image, with room to read beyond its end
    if (bare()) return height * width;
    return (height + 2 * pad_h) * row() + LANES + step_w * (taps_w - 1);
  }

  // A column is a tap of a channel of a group. Where it is, from the first tap of the first.
  std::vector<Index> offsets() const {
    std::vector<Index> all;
    for (Index channel = 0; channel < of_group; ++channel)
      for (Index t = 0; t < taps_t; ++t)
        for (Index i = 0; i < taps_h; ++i)
          for (Index j = 0; j < taps_w; ++j)
            all.push_back((channel * frames + t * step_t) * plane() + i * step_h * row() +
                          j * step_w);
    return all;
  }

  // Of the taps of an output frame those that meet a frame: [first, last) along T.
  Index first_tap(Index frame) const {
    return std::max<Index>(0, (pad_t - frame + step_t - 1) / step_t);
  }
  Index last_tap(Index frame) const {
    return std::min(taps_t, (frames - 1 + pad_t - frame) / step_t + 1);
  }

 private:
  static Index whole(float number) { return static_cast<Index>(number); }
};

// Memory that is kept from call to call: the largest of them, once, for all convolutions.
inline float *workspace(int which, Index size) {
  static thread_local std::vector<float> kept[3];
  if (static_cast<Index>(kept[which].size()) < size) kept[which].resize(size);
  return kept[which].data();
}

// Images (count, height, width) with a border of zeros, `plane` numbers apart.
inline void bordered(const float *x, float *to, Index count, Index height, Index width,
                     Index pad_h, Index pad_w, Index row, Index plane) {
#pragma omp parallel for
  for (Index image = 0; image < count; ++image) {
    float *out = to + image * plane;
    const float *in = x + image * height * width;
    std::memset(out, 0, (pad_h * row + pad_w) * sizeof(float));
    Index end = pad_h * row + pad_w;
    for (Index i = 0; i < height; ++i) {
      std::memcpy(out + end, in + i * width, width * sizeof(float));
      end += width;
      const Index gap = std::min(row - width, plane - end);
      std::memset(out + end, 0, gap * sizeof(float));
      end += gap;
    }
    std::memset(out + end, 0, (plane - end) * sizeof(float));
  }
}

inline const float *bordered_input(const Convolution &c, const float *x) {
  if (c.bare()) return x;
  const Index count = c.samples * c.channels * c.frames;
  float *images = workspace(0, count * c.plane());
  bordered(x, images, count, c.height, c.width, c.pad_h, c.pad_w, c.row(), c.plane());
  return images;
}
