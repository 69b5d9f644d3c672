// Refits of Case V, one thread block a replicate at a time.
//
// A block draws a replicate's weights, then takes Newton steps whose linear systems it solves by
// preconditioned conjugate gradients, all without leaving the kernel. Rows (items) are sorted by
// their number of pairs and stored in slices of 32 (SELL-32): a thread owns a row in every pass, so
// sums are taken in one order and the same seed gives the same bits. A pair stands in the rows of
// both its items. Curvatures are kept in single precision, which halves the traffic: they only
// steer the step, and scores, on which the optimum rests, are in double precision.

#ifndef THREADS
#define THREADS 512
#define BLOCKS 2
#endif
#define FULL 0xffffffffu
typedef unsigned long long u64;

struct Hazards { double first, second, curve_first, curve_second; };

__device__ __forceinline__ Hazards hazards(double z, int probit) {
  Hazards h;
  if (probit) {
    double a = fabs(z) * 0.70710678118654752440, e = erfcx(a), q = 0.5 * e * exp(-a * a);
    double small = 0.79788456080286535588 / e, large = small * (q / (1.0 - q));
    h.first = z >= 0 ? large : small;
    h.second = z >= 0 ? small : large;
    h.curve_first = h.first * (z + h.first);
    h.curve_second = h.second * (h.second - z);
  } else {
    double tail = exp(-fabs(z)), small = 1.0 / (1.0 + tail), large = tail * small;
    h.first = z >= 0 ? large : small;
    h.second = z >= 0 ? small : large;
    h.curve_first = h.curve_second = h.first * h.second;
  }
  return h;
}

// Sums of a and b over the block, in every thread; `buffer` alternates between two calls.
__device__ __forceinline__ double2 block_sum(double a, double b, double *buffer, int &turn) {
  int lane = threadIdx.x & 31, warp = threadIdx.x >> 5, warps = blockDim.x >> 5;
  double *here = buffer + 64 * turn;
  turn ^= 1;
  for (int d = 16; d; d >>= 1) {
    a += __shfl_xor_sync(FULL, a, d);
    b += __shfl_xor_sync(FULL, b, d);
  }
  if (lane == 0) { here[warp] = a; here[32 + warp] = b; }
  __syncthreads();
  a = lane < warps ? here[lane] : 0.0;
  b = lane < warps ? here[32 + lane] : 0.0;
  for (int d = 16; d; d >>= 1) {
    a += __shfl_xor_sync(FULL, a, d);
    b += __shfl_xor_sync(FULL, b, d);
  }
  return make_double2(a, b);
}

__device__ __forceinline__ double uniform(u64 key, u64 k) {
  u64 z = key + (k + 1) * 0x9E3779B97F4A7C15ULL;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
  z ^= z >> 31;
  return (double)(z >> 11) * 0x1.0p-53;
}

// ints: per problem n, pairs, slots, first slice, first slot, first parameter, first output.
// reals: per problem ridge. Jobs are (problem, replicate), replicates of one problem together.
extern "C" __global__ void __launch_bounds__(THREADS, BLOCKS) refit(
    const long long *ints, const double *reals, const int *slices, const int *items,
    const unsigned short *other, const int *pair,
    const double4 *counts,
    const double4 *known, const double *start, double *out, int *steps, int *turns_of,
    long long first_replicate, long long replicates, long long jobs, u64 key, int scheme, int probit,
    double precision, double last, double tight, float *curvatures, double *weights, double *vectors,
    long long most_slots, long long most_pairs, long long most_items) {
  extern __shared__ double shared[];
  double *buffer = shared, *v = shared + 128;
  float *K = curvatures + blockIdx.x * most_slots;
  double *W = weights + blockIdx.x * most_pairs;
  double *own = vectors + blockIdx.x * most_items * 6;
  double *theta = own, *residual = own + most_items, *inverse = own + 2 * most_items,
         *move = own + 3 * most_items, *border = own + 4 * most_items, *image = own + 5 * most_items;
  int lane = threadIdx.x & 31, warp = threadIdx.x >> 5, warps = blockDim.x >> 5, turn = 0;

  for (long long job = blockIdx.x; job < jobs; job += gridDim.x) {
    long long problem = job / replicates, replicate = first_replicate + job % replicates;
    const long long *shape = ints + 7 * problem;
    int n = (int)shape[0], pairs = (int)shape[1], rows = (n + 31) / 32;
    const int *slice = slices + shape[3];
    const unsigned short *others = other + shape[4];
    const int *ids = pair + shape[4], *item = items + shape[5] - problem;
    const double4 *answers = counts + shape[4], *at_start = known + shape[4];
    const double *begin = start + shape[5];
    double *result = out + shape[6] + (replicate - first_replicate) * (n + 1);
    double ridge = reals[problem];

    __syncthreads();
    u64 offset = (u64)replicate * (u64)pairs;
    if (scheme == 0) {
      for (int e = threadIdx.x; e < pairs; e += blockDim.x) W[e] = 0.0;
      __syncthreads();
      for (int e = threadIdx.x; e < pairs; e += blockDim.x)
        atomicAdd(W + (long long)(uniform(key, offset + e) * pairs), 1.0);
    } else {
      double total = 0.0;
      for (int e = threadIdx.x; e < pairs; e += blockDim.x) {
        double w = scheme == 1 ? -log(uniform(key, offset + e) + 0x1.0p-54) : 1.0;
        W[e] = w;
        total += w;
      }
      double scale = pairs / block_sum(total, 0.0, buffer, turn).x;
      if (scheme == 1)
        for (int e = threadIdx.x; e < pairs; e += blockDim.x) W[e] *= scale;
    }
    for (int i = threadIdx.x; i < n; i += blockDim.x) theta[i] = v[i] = begin[item[i]];
    double order = begin[n], nats = 1e300;
    __syncthreads();

    int step = 0, all_turns = 0;
    for (; step < 30; step++) {
      double score_order = 0.0, corner = 0.0;
      for (int s = warp; s < rows; s += warps) {
        int i = s * 32 + lane;
        double mine = i < n ? v[i] : 0.0, gradient = 0.0, diagonal = 0.0, edge = 0.0;
        for (int q = slice[s] + lane; q < slice[s + 1]; q += 32) {
          double w = W[ids[q]];
          double s_a, s_b, k_a, k_b;
          if (step == 0 && known) {
            double4 there = at_start[q];
            s_a = there.x; s_b = there.y; k_a = there.z; k_b = there.w;
          } else {
            double4 n_of = answers[q];
            double x = mine - v[others[q]];
            Hazards a = hazards(order + x, probit), b = hazards(order - x, probit);
            s_a = n_of.x * a.first - n_of.y * a.second;
            s_b = n_of.z * b.first - n_of.w * b.second;
            k_a = n_of.x * a.curve_first + n_of.y * a.curve_second;
            k_b = n_of.z * b.curve_first + n_of.w * b.curve_second;
          }
          double k = w * (k_a + k_b);
          K[q] = (float)k;
          gradient -= w * (s_a - s_b);
          edge += w * (k_a - k_b);
          diagonal += k;
          score_order += w * (s_a + s_b);
        }
        corner += diagonal;
        if (i < n) {
          residual[i] = -(gradient + ridge * mine);
          inverse[i] = 1.0 / (diagonal + ridge);
          border[i] = edge;
          move[i] = 0.0;
        }
      }
      double2 sums = block_sum(score_order, corner, buffer, turn);
      // Every pair was met twice, once in the row of either item.
      double r_order = 0.5 * sums.x - precision * order, d_order = 0.5 * sums.y + precision;
      corner = d_order;
      double part = 0.0;
      for (int i = threadIdx.x; i < n; i += blockDim.x) {
        double z = inverse[i] * residual[i];
        v[i] = z;
        part += residual[i] * z;
      }
      double p_order = r_order / d_order, move_order = 0.0;
      double energy = block_sum(part, 0.0, buffer, turn).x + r_order * p_order;
      double tolerance = step == 0 ? 1e-2 : nats > 10 ? 3e-3 : tight;
      double goal = tolerance * tolerance * energy, gain = 0.0;
      int turns = 0;
      for (; turns < 500 && energy > goal; turns++) {
        double curved = 0.0, across = 0.0;
        for (int s = warp; s < rows; s += warps) {
          int i = s * 32 + lane;
          double mine = i < n ? v[i] : 0.0, flow = 0.0, more = 0.0;
          int q = slice[s] + lane, end = slice[s + 1];
          for (; q + 96 < end; q += 128) {
            flow += K[q] * (mine - v[others[q]]) + K[q + 32] * (mine - v[others[q + 32]]);
            more += K[q + 64] * (mine - v[others[q + 64]]) + K[q + 96] * (mine - v[others[q + 96]]);
          }
          for (; q < end; q += 32) flow += K[q] * (mine - v[others[q]]);
          if (i < n) {
            flow += more + ridge * mine;
            curved += mine * flow;
            across += mine * border[i];
            image[i] = flow + border[i] * p_order;
          }
        }
        sums = block_sum(curved, across, buffer, turn);
        double image_order = corner * p_order + sums.y;
        double curvature = sums.x + p_order * (sums.y + image_order);
        if (!(curvature > 0.0)) { nats = 1e300; energy = -1.0; break; }
        double length = energy / curvature;
        part = 0.0;
        for (int s = warp; s < rows; s += warps) {
          int i = s * 32 + lane;
          if (i < n) {
            move[i] += length * v[i];
            double r = residual[i] - length * image[i];
            residual[i] = r;
            part += r * r * inverse[i];
          }
        }
        move_order += length * p_order;
        r_order -= length * image_order;
        gain += length * energy;  // move . gradient, summed along conjugate directions
        double before = energy;
        energy = block_sum(part, 0.0, buffer, turn).x + r_order * r_order / d_order;
        double carry = energy / before;
        for (int s = warp; s < rows; s += warps) {
          int i = s * 32 + lane;
          if (i < n) v[i] = inverse[i] * residual[i] + carry * v[i];
        }
        p_order = r_order / d_order + carry * p_order;
        __syncthreads();
      }
      all_turns += turns;
      nats = energy < 0.0 ? 1e300 : 0.5 * gain;
      if (!(nats < 1e200)) break;
      for (int s = warp; s < rows; s += warps) {
        int i = s * 32 + lane;
        if (i < n) v[i] = theta[i] = theta[i] + move[i];
      }
      order += move_order;
      __syncthreads();
      if (nats < last) break;
    }
    for (int i = threadIdx.x; i < n; i += blockDim.x) result[item[i]] = v[i];
    if (threadIdx.x == 0) {
      result[n] = order;
      // Zero where it did not converge: the safeguarded iteration has to do it.
      long long place = problem * replicates + replicate - first_replicate;
      steps[place] = nats < last ? step + 1 : 0;
      turns_of[place] = all_turns;
    }
  }
}
