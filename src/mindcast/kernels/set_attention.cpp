// Attention within sets of tokens (Vaswani et al. 2017), straight from the rows of query, key and
// value to the rows of the result: softmax(scale Q K^T + bias + mask) V for every set and head.
#include <vector>

#include "random_mask.h"
#include "small_product.h"
#include "softmax_row.h"

namespace {

constexpr float LOWEST = -3.4028234e38f;

struct Problem {
  const float *rows;        // (N, R, 3 C): query, key, value, each of `heads` heads
  const int32_t *members;   // (S, V): rows of a set; R and more: an empty place, all 0
  const float *bias;        // (heads, V, V) or none
  const float *mask;        // (S, V, V) or none
  const float *turns;       // (V, 2, D): cosines and sines of the angles of feature pairs, or none
  const float *alone;       // (N): 1 where tokens see only themselves, or none
  Index samples, count, sets, volume, heads, depth, channels;
  float scale, keep;
  uint64_t seed;

  Problem(void **data, int *ranks, Index **shapes) {
    const auto optional = [&](int which) {
      return product(shapes[which], 0, ranks[which]) > 1 ? tensor(data, which) : nullptr;
    };
    const float *options = tensor(data, 6);
    rows = tensor(data, 0);
    members = tensor<int32_t>(data, 1);
    bias = optional(2), mask = optional(3), turns = optional(4);
    alone = ranks[5] > 1 ? tensor(data, 5) : nullptr;
    samples = shapes[0][0], count = shapes[0][1], channels = shapes[0][2] / 3;
    sets = shapes[1][0], volume = shapes[1][1];
    heads = static_cast<Index>(options[0]), depth = channels / heads;
    scale = options[1], keep = options[2];
    seed = static_cast<uint64_t>(options[3]);
  }

  // Row of a member, or none for an empty place.
  const float *row(Index sample, Index set, Index place) const {
    const Index which = members[set * volume + place];
    return which < count ? rows + (sample * count + which) * 3 * channels : nullptr;
  }
};

// What one thread works on: matrices of one set and head, rows padded to whole vectors.
class Work {
 public:
  Work(const Problem &problem)
      : p(problem), v(problem.volume), vp(padded(problem.volume)), dp(padded(problem.depth)),
        query(v * dp), key(v * dp), value(v * dp), turned(dp * vp), weights(v * vp) {}

  // Fills query, key, value and the softmax's weights (before dropout).
  void attend(Index sample, Index set, Index head) {
    take(sample, set, head, 0, query);
    take(sample, set, head, 1, key);
    take(sample, set, head, 2, value);
    if (p.turns) rotate(query, 1.0f), rotate(key, 1.0f);
    turn(key.data(), dp, turned.data(), vp, v, p.depth);
    multiply(query.data(), dp, turned.data(), weights.data(), v, p.depth, vp);
    for (Index i = 0; i < v; ++i) {
      float *row = weights.data() + i * vp;
      const float *bias = p.bias ? p.bias + (head * v + i) * v : nullptr;
      const float *mask = p.mask ? p.mask + (set * v + i) * v : nullptr;
      for (Index j = 0; j < v; ++j) row[j] *= p.scale;
      for (Index j = 0; bias && j < v; ++j) row[j] += bias[j];
      for (Index j = 0; mask && j < v; ++j) row[j] += mask[j];
      if (p.alone && p.alone[sample] != 0.0f)
        for (Index j = 0; j < v; ++j) row[j] += j == i ? 0.0f : p.alone[sample] * LOWEST;
      softmax_row(row, v);
    }
  }

  // Dropout's factors of one set and head, in the layout of the weights.
  void drop(float *matrix, const RandomMask &mask, Index sample, Index set, Index head) const {
    const Index first = ((sample * p.sets + set) * p.heads + head) * v * v;
    for (Index i = 0; i < v; ++i)
      for (Index j = 0; j < v; ++j) matrix[i * vp + j] *= mask(first + i * v + j);
  }

  // Feature pairs turned by their token's angles; sign -1 turns back.
  void rotate(std::vector<float> &matrix, float sign) const {
    for (Index i = 0; i < v; ++i) {
      const float *cosine = p.turns + i * 2 * p.depth, *sine = cosine + p.depth;
      float *row = matrix.data() + i * dp;
      for (Index d = 0; d + 1 < p.depth; d += 2) {
        const float even = row[d], odd = row[d + 1];
        row[d] = even * cosine[d] - sign * odd * sine[d];
        row[d + 1] = odd * cosine[d + 1] + sign * even * sine[d + 1];
      }
    }
  }

  const Problem &p;
  const Index v, vp, dp;
  std::vector<float> query, key, value, turned, weights;

 private:
  void take(Index sample, Index set, Index head, int which, std::vector<float> &to) const {
    for (Index i = 0; i < v; ++i) {
      const float *row = p.row(sample, set, i);
      float *out = to.data() + i * dp;
      if (row)
        std::memcpy(out, row + which * p.channels + head * p.depth, p.depth * sizeof(float));
      else
        std::memset(out, 0, p.depth * sizeof(float));
    }
  }
};

}  // namespace

// rows (N, R, 3 C), members (S, V) int32, bias, mask, turns, alone (one number each where there is
// none), options (heads, scale, keep, seed) -> mixed values (N, R, C), key of the dropout
KERNEL(set_attention) {
  const Problem p(data, ranks, shapes);
  float *y = tensor(data, 7);
  const uint64_t key = p.keep < 1.0f ? key_of(p.rows, p.count * 3 * p.channels, p.seed) : 0;
  std::memcpy(data[8], &key, sizeof key);
  const RandomMask mask(key, p.keep);
#pragma omp parallel
  {
    Work work(p);
    std::vector<float> mixed(work.v * work.dp);
#pragma omp for
    for (Index job = 0; job < p.samples * p.sets; ++job) {
      const Index sample = job / p.sets, set = job % p.sets;
      for (Index head = 0; head < p.heads; ++head) {
        work.attend(sample, set, head);
        if (p.keep < 1.0f) work.drop(work.weights.data(), mask, sample, set, head);
        multiply(work.weights.data(), work.vp, work.value.data(), mixed.data(), work.v, work.v,
                 work.dp);
        for (Index i = 0; i < work.v; ++i) {
          const Index row = p.members[set * work.v + i];
          if (row < p.count)
            std::memcpy(y + (sample * p.count + row) * p.channels + head * p.depth,
                        mixed.data() + i * work.dp, p.depth * sizeof(float));
        }
      }
    }
  }
  return 0;
}

// The same inputs, key, dy (N, R, C) -> d rows (N, R, 3 C), d bias (heads, V, V)
KERNEL(set_attention_gradient) {
  const Problem p(data, ranks, shapes);
  const float *dy = tensor(data, 8);
  float *d_rows = tensor(data, 9), *d_bias = tensor(data, 10);
  uint64_t key;
  std::memcpy(&key, data[7], sizeof key);
  const RandomMask mask(key, p.keep);
  const Index square = p.volume * p.volume;
  std::vector<float> sums(p.bias ? PARTS * p.heads * square : 0, 0.0f);
#pragma omp parallel
  {
    Work work(p);
    const Index v = work.v, vp = work.vp, dp = work.dp;
    std::vector<float> d_mixed(v * dp), d_weights(v * vp), across(vp * vp), out(v * dp);
    const auto put = [&](Index sample, Index set, Index head, int which) {
      for (Index i = 0; i < v; ++i) {
        const Index row = p.members[set * v + i];
        if (row < p.count)
          std::memcpy(d_rows + (sample * p.count + row) * 3 * p.channels + which * p.channels +
                          head * p.depth,
                      out.data() + i * dp, p.depth * sizeof(float));
      }
    };
#pragma omp for
    for (Index part = 0; part < PARTS; ++part)
      for (Index job = part_begin(p.samples * p.sets, part);
           job < part_begin(p.samples * p.sets, part + 1); ++job)
        for (Index head = 0; head < p.heads; ++head) {
          const Index sample = job / p.sets, set = job % p.sets;
          work.attend(sample, set, head);
          for (Index i = 0; i < v; ++i) {
            const Index row = p.members[set * v + i];
            float *to = d_mixed.data() + i * dp;
            if (row < p.count)
              std::memcpy(to, dy + (sample * p.count + row) * p.channels + head * p.depth,
                          p.depth * sizeof(float));
            else
              std::memset(to, 0, p.depth * sizeof(float));
          }
          // d value = (dropped weights)^T d mixed
          turn(work.weights.data(), vp, across.data(), vp, v, v);
          if (p.keep < 1.0f) {
            std::memcpy(d_weights.data(), work.weights.data(), v * vp * sizeof(float));
            work.drop(d_weights.data(), mask, sample, set, head);
            turn(d_weights.data(), vp, across.data(), vp, v, v);
          }
          multiply(across.data(), vp, d_mixed.data(), out.data(), v, v, dp);
          put(sample, set, head, 2);
          // d weights = d mixed value^T, through dropout and softmax
          turn(work.value.data(), dp, work.turned.data(), vp, v, p.depth);
          multiply(d_mixed.data(), dp, work.turned.data(), d_weights.data(), v, p.depth, vp);
          if (p.keep < 1.0f) work.drop(d_weights.data(), mask, sample, set, head);
          for (Index i = 0; i < v; ++i) {
            float *d = d_weights.data() + i * vp, along = 0.0f;
            const float *w = work.weights.data() + i * vp;
#pragma omp simd reduction(+ : along)
            for (Index j = 0; j < v; ++j) along += d[j] * w[j];
#pragma omp simd
            for (Index j = 0; j < v; ++j) d[j] = w[j] * (d[j] - along);
            if (p.bias) {
              float *sum = sums.data() + ((part * p.heads + head) * v + i) * v;
              for (Index j = 0; j < v; ++j) sum[j] += d[j];
            }
            for (Index j = 0; j < v; ++j) d[j] *= p.scale;
          }
          multiply(d_weights.data(), vp, work.key.data(), out.data(), v, v, dp);
          if (p.turns) work.rotate(out, -1.0f);
          put(sample, set, head, 0);
          turn(d_weights.data(), vp, across.data(), vp, v, v);
          multiply(across.data(), vp, work.query.data(), out.data(), v, v, dp);
          if (p.turns) work.rotate(out, -1.0f);
          put(sample, set, head, 1);
        }
  }
  const Index entries = p.bias ? p.heads * square : 0;
  d_bias[0] = 0.0f;
  for (Index i = 0; i < entries; ++i) {
    float sum = 0.0f;
    for (Index part = 0; part < PARTS; ++part) sum += sums[part * entries + i];
    d_bias[i] = sum;
  }
  return 0;
}
