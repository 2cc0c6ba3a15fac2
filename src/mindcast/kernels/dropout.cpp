// Dropout (Srivastava et al. 2014): entries stay with the probability `keep`, scaled up.
#include "random_mask.h"

// x, options (keep, seed: a whole number below 2^24) -> y, the mask's key (2 numbers of any bits)
KERNEL(dropout) {
  const float *x = tensor(data, 0), *options = tensor(data, 1);
  float *y = tensor(data, 2);
  const Index entries = product(shapes[0], 0, ranks[0]);
  const uint64_t key = key_of(x, entries, static_cast<uint64_t>(options[1]));
  std::memcpy(data[3], &key, sizeof key);
  const RandomMask mask(key, options[0]);
#pragma omp parallel for simd
  for (Index i = 0; i < entries; ++i) y[i] = x[i] * mask(i);
  return 0;
}

// dy, options, key -> dx
KERNEL(dropout_gradient) {
  const float *dy = tensor(data, 0), *options = tensor(data, 1);
  float *dx = tensor(data, 3);
  const Index entries = product(shapes[0], 0, ranks[0]);
  uint64_t key;
  std::memcpy(&key, data[2], sizeof key);
  const RandomMask mask(key, options[0]);
#pragma omp parallel for simd
  for (Index i = 0; i < entries; ++i) dx[i] = dy[i] * mask(i);
  return 0;
}
