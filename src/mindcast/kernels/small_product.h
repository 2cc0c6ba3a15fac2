// Products of matrices that fit into the cache, too small for a library call each.
#pragma once
#include <algorithm>
#include <cstring>

#include "kernel.h"

// What a vector register of the CPU holds, and how many sums fit into its registers: a vector longer
// than that is taken apart number by number.
#if defined(__AVX512F__)
constexpr Index LANES = 16;
constexpr bool MANY_REGISTERS = true;  // 32, else 16
#elif defined(__AVX__)
constexpr Index LANES = 8;
constexpr bool MANY_REGISTERS = false;
#else
constexpr Index LANES = 4;
#if defined(__aarch64__)
constexpr bool MANY_REGISTERS = true;
#else
constexpr bool MANY_REGISTERS = false;
#endif
#endif
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

#if defined(__AVX512F__)
#define LOWER_HALVES 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define UPPER_HALVES 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
#elif defined(__AVX__)
#define LOWER_HALVES 0, 8, 1, 9, 2, 10, 3, 11
#define UPPER_HALVES 4, 12, 5, 13, 6, 14, 7, 15
#else
#define LOWER_HALVES 0, 4, 1, 5
#define UPPER_HALVES 2, 6, 3, 7
#endif
#ifdef __clang__
#define CHOSEN(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
typedef int32_t Places __attribute__((vector_size(LANES * sizeof(int32_t))));
#define CHOSEN(a, b, ...) __builtin_shuffle(a, b, Places{__VA_ARGS__})
#endif

// LANES rows become columns: four times, each row is mixed entry by entry with the one half way on.
inline void turn_square(const float *from, Index from_step, float *to, Index to_step) {
  Lanes rows[LANES], mixed[LANES];
  for (Index i = 0; i < LANES; ++i) rows[i] = load(from + i * from_step);
  for (Index distance = 1; distance < LANES; distance *= 2) {
    for (Index i = 0; i < LANES / 2; ++i) {
      const Lanes one = rows[i], other = rows[i + LANES / 2];
      mixed[2 * i] = CHOSEN(one, other, LOWER_HALVES);
      mixed[2 * i + 1] = CHOSEN(one, other, UPPER_HALVES);
    }
    for (Index i = 0; i < LANES; ++i) rows[i] = mixed[i];
  }
  for (Index i = 0; i < LANES; ++i) store(to + i * to_step, rows[i]);
}
#undef CHOSEN
#undef LOWER_HALVES
#undef UPPER_HALVES

// to (n, m) = from (m, n) transposed; rows from_step and to_step apart.
inline void turn(const float *from, Index from_step, float *to, Index to_step, Index m, Index n) {
  for (Index i = 0; i < m; i += LANES)
    for (Index j = 0; j < n; j += LANES)
      if (i + LANES <= m && j + LANES <= n) {
        turn_square(from + i * from_step + j, from_step, to + j * to_step + i, to_step);
      } else {
        for (Index a = i; a < std::min(i + LANES, m); ++a)
          for (Index b = j; b < std::min(j + LANES, n); ++b)
            to[b * to_step + a] = from[a * from_step + b];
      }
}
