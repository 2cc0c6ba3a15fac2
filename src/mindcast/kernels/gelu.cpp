// x Phi(x), Phi the distribution function of the normal distribution (Hendrycks and Gimpel 2016).
#include "kernel.h"
#include "vector_math.h"

namespace {

// Phi and the density at x. The tail 1 - Phi(|x|) is the density times a polynomial of
// 1 / (1 + p |x|), off by 8e-8 at most (Abramowitz and Stegun 1964, 26.2.17).
struct Normal {
  float below, density;
};

inline Normal normal(float x) {
  const float size = std::fabs(x);
  const float density = 0.3989422804f * exponential(-0.5f * x * x);
  const float t = 1.0f / (1.0f + 0.2316419f * size);
  float tail = 1.330274429f;
  tail = tail * t - 1.821255978f;
  tail = tail * t + 1.781477937f;
  tail = tail * t - 0.356563782f;
  tail = tail * t + 0.319381530f;
  tail = tail * t * density;
  return {x < 0.0f ? tail : 1.0f - tail, density};
}

}  // namespace

// x -> y
KERNEL(gelu) {
  const float *x = tensor(data, 0);
  float *y = tensor(data, 1);
  const Index entries = product(shapes[0], 0, ranks[0]);
#pragma omp parallel for simd
  for (Index i = 0; i < entries; ++i) y[i] = x[i] * normal(x[i]).below;
  return 0;
}

// x, dy -> dx
KERNEL(gelu_gradient) {
  const float *x = tensor(data, 0), *dy = tensor(data, 1);
  float *dx = tensor(data, 2);
  const Index entries = product(shapes[0], 0, ranks[0]);
#pragma omp parallel for simd
  for (Index i = 0; i < entries; ++i) {
    const Normal n = normal(x[i]);
    dx[i] = dy[i] * (n.below + x[i] * n.density);
  }
  return 0;
}
