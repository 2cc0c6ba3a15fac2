// x logistic(x) (Elfwing et al. 2018).
#include "kernel.h"
#include "vector_math.h"

// x -> y
KERNEL(silu) {
  const float *x = tensor(data, 0);
  float *y = tensor(data, 1);
  const Index entries = product(shapes[0], 0, ranks[0]);
#pragma omp parallel for simd
  for (Index i = 0; i < entries; ++i) y[i] = x[i] * logistic(x[i]);
  return 0;
}

// x, dy -> dx
KERNEL(silu_gradient) {
  const float *x = tensor(data, 0), *dy = tensor(data, 1);
  float *dx = tensor(data, 2);
  const Index entries = product(shapes[0], 0, ranks[0]);
#pragma omp parallel for simd
  for (Index i = 0; i < entries; ++i) dx[i] = dy[i] * silu_slope(x[i], logistic(x[i]));
  return 0;
}
