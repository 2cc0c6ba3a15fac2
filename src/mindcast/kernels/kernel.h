// What every kernel shares: the signature that MindSpore's custom operator calls, and tensors.
#pragma once
#include <cstdint>

using Index = int64_t;

// A kernel reads its inputs, then writes its outputs, all float32 unless it says otherwise.
#define KERNEL(name)                                                                      \
  extern "C" int name([[maybe_unused]] int count, void **data, [[maybe_unused]] int *ranks, \
                      [[maybe_unused]] Index **shapes, const char **, void *, void *)

template <class Number = float>
Number *tensor(void **data, int which) {
  return static_cast<Number *>(data[which]);
}

inline Index product(const Index *shape, int from, int to) {
  Index entries = 1;
  for (int axis = from; axis < to; ++axis) entries *= shape[axis];
  return entries;
}

// What a sum over many rows is split into: the same for every number of threads, so that the
// sum is, too.
constexpr Index PARTS = 32;

inline Index part_begin(Index rows, Index part) { return rows * part / PARTS; }
