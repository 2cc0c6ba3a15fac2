// The mask of dropout: a function of a key and of the position, so that it need not be kept.
#pragma once
#include <algorithm>
#include <cstring>

#include "kernel.h"

constexpr Index KEY_ENTRIES = 4096;

// Every bit of the result depends on every bit of the word (Stafford's variant 13).
inline uint64_t mixed_long(uint64_t word) {
  word = (word ^ (word >> 30)) * 0xbf58476d1ce4e5b9ull;
  word = (word ^ (word >> 27)) * 0x94d049bb133111ebull;
  return word ^ (word >> 31);
}

// The same for 32 bits, which vector instructions multiply (Wellons' lowbias32).
inline uint32_t mixed(uint32_t word) {
  word = (word ^ (word >> 16)) * 0x7feb352du;
  word = (word ^ (word >> 15)) * 0x846ca68bu;
  return word ^ (word >> 16);
}

// A key that changes with the seed and with every bit of the input's first entries: a resumed run
// meets the same input and drops the same entries.
inline uint64_t key_of(const float *x, Index entries, uint64_t seed) {
  uint64_t key = mixed_long(seed + 0x9e3779b97f4a7c15ull);
  for (Index i = 0; i < std::min(entries, KEY_ENTRIES); ++i) {
    uint32_t bits;
    std::memcpy(&bits, x + i, sizeof bits);
    key = mixed_long(key ^ bits) + 0x9e3779b97f4a7c15ull;
  }
  return key;
}

struct RandomMask {
  uint32_t low, high, limit;
  float scale;
  RandomMask(uint64_t key, float keep)
      : low(static_cast<uint32_t>(key)), high(static_cast<uint32_t>(key >> 32)),
        limit(static_cast<uint32_t>(static_cast<double>(keep) * 4294967295.0)),
        scale(1.0f / keep) {}
  // 1 / keep where the entry stays, else 0.
  float operator()(Index position) const {
    const uint32_t word = mixed(mixed(static_cast<uint32_t>(position) ^ low) + high);
    return word < limit ? scale : 0.0f;
  }
};
