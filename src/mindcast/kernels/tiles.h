// Channel vectors at the positions of frames (F, C, P), worked on in tiles of neighbours: the
// channels of a tile fit into the cache, and its positions are the lanes of vector instructions.
#pragma once
#include <algorithm>
#include <vector>

#include "kernel.h"

constexpr Index TILE = 128;

struct Tiles {
  Index frames, channels, positions, per_frame;
  explicit Tiles(const Index *shape)
      : frames(shape[0]), channels(shape[1]), positions(shape[2]),
        per_frame((shape[2] + TILE - 1) / TILE) {}
  Index count() const { return frames * per_frame; }
};

struct Tile {
  Index frame, begin, width, offset;  // offset: of its first position in channel 0
  Tile(const Tiles &tiles, Index number)
      : frame(number / tiles.per_frame), begin(number % tiles.per_frame * TILE),
        width(std::min(TILE, tiles.positions - begin)),
        offset(frame * tiles.channels * tiles.positions + begin) {}
};

// Sums over positions that tiles make on their own, added up in their order.
class ChannelSums {
 public:
  ChannelSums(const Tiles &tiles)
      : tiles_(tiles), parts_(tiles.count() * tiles.channels, 0.0f) {}
  float *of(Index tile) { return parts_.data() + tile * tiles_.channels; }
  void add_up(float *out) const {
    for (Index f = 0; f < tiles_.frames; ++f)
      for (Index c = 0; c < tiles_.channels; ++c) {
        double sum = 0.0;
        for (Index t = 0; t < tiles_.per_frame; ++t)
          sum += parts_[(f * tiles_.per_frame + t) * tiles_.channels + c];
        out[f * tiles_.channels + c] = static_cast<float>(sum);
      }
  }

 private:
  Tiles tiles_;
  std::vector<float> parts_;
};
