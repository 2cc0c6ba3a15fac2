// Functions of one float that compilers turn into vector instructions.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>

// e^x to 2e-7 relative: x = n ln 2 + r, |r| <= ln 2 / 2, a polynomial for e^r, n into the exponent.
// Exactly 0 below -87 and infinite above 88, near the ends of float32's range; NaN stays NaN.
inline float exponential(float x) {
  const float low = x < -87.0f ? -87.0f : x;
  const float bounded = low > 88.0f ? 88.0f : low;
  const float n = std::floor(bounded * 1.44269504f + 0.5f);
  const float r = (bounded - n * 0.693359375f) - n * -2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  const float power = p * r * r + r + 1.0f;
  const int32_t bits = (static_cast<int32_t>(n) + 127) << 23;
  float scale;
  std::memcpy(&scale, &bits, sizeof scale);
  const float inside = power * scale;
  const float above = x > 88.0f ? HUGE_VALF : inside;
  return x < -87.0f ? 0.0f : above;
}

inline float logistic(float x) { return 1.0f / (1.0f + exponential(-x)); }

// d/dx of x logistic(x), where s = logistic(x).
inline float silu_slope(float x, float s) { return s * (1.0f + x * (1.0f - s)); }
