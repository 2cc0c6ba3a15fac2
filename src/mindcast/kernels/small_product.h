// Products of matrices that fit into the cache, too small for a library call each.
#pragma once
#include <cstring>

#include "kernel.h"

constexpr Index LANES = 16;
typedef float Lanes __attribute__((vector_size(LANES * sizeof(float))));

inline Index padded(Index width) { return (width + LANES - 1) / LANES * LANES; }

inline Lanes load(const float *from) {
  Lanes lanes;
  std::memcpy(&lanes, from, sizeof lanes);
  return lanes;
}

inline void store(float *to, const Lanes &lanes) { std::memcpy(to, &lanes, sizeof lanes); }

// c = a b, a (m, k) with rows a_step apart, b (k, n) and c (m, n) with rows n apart, n a multiple
// of LANES.
inline void multiply(const float *a, Index a_step, const float *b, float *c, Index m, Index k,
                     Index n) {
  for (Index column = 0; column < n; column += LANES) {
    Index i = 0;
    for (; i + 4 <= m; i += 4) {
      Lanes sum[4] = {};
      for (Index j = 0; j < k; ++j) {
        const Lanes right = load(b + j * n + column);
        for (int r = 0; r < 4; ++r) sum[r] += a[(i + r) * a_step + j] * right;
      }
      for (int r = 0; r < 4; ++r) store(c + (i + r) * n + column, sum[r]);
    }
    for (; i < m; ++i) {
      Lanes sum = {};
      for (Index j = 0; j < k; ++j) sum += a[i * a_step + j] * load(b + j * n + column);
      store(c + i * n + column, sum);
    }
  }
}

// to (n, m) = from (m, n) transposed; rows from_step and to_step apart.
inline void turn(const float *from, Index from_step, float *to, Index to_step, Index m, Index n) {
  for (Index i = 0; i < m; ++i)
    for (Index j = 0; j < n; ++j) to[j * to_step + i] = from[i * from_step + j];
}
