// Softmax of one row.
#pragma once
#include "kernel.h"
#include "vector_math.h"

// In place: the row becomes positive with the sum 1.
inline void softmax_row(float *row, Index width) {
  float largest = row[0], sum = 0.0f;
#pragma omp simd reduction(max : largest)
  for (Index k = 0; k < width; ++k) largest = row[k] > largest ? row[k] : largest;
#pragma omp simd reduction(+ : sum)
  for (Index k = 0; k < width; ++k) {
    row[k] = exponential(row[k] - largest);
    sum += row[k];
  }
  const float inverse = 1.0f / sum;
#pragma omp simd
  for (Index k = 0; k < width; ++k) row[k] *= inverse;
}
