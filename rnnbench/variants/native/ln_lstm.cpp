// One time step of an LSTM with layer norm on its hidden state, but for its matrix product: one pass over the gates forwards, one backwards.
// L is the format of the products: float, or bf16 as its bits. `pre` may be `acts` and `low` may be `h`. A NaN stays a NaN, so that divergence shows.

#include <cmath>
#include <cstdint>
#include <cstring>

namespace {

float as_float(std::uint32_t bits) {
    float value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
}

std::uint32_t as_bits(float value) {
    std::uint32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    return bits;
}

inline float read(const float* from, std::int64_t at) { return from[at]; }
inline float read(const std::uint16_t* from, std::int64_t at) { return as_float(std::uint32_t(from[at]) << 16); }
inline void write(float* to, std::int64_t at, float value) { to[at] = value; }
inline void write(std::uint16_t* to, std::int64_t at, float value) {
    const std::uint32_t bits = as_bits(value);
    const std::uint32_t rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;  // to the nearest, ties to even
    to[at] = std::uint16_t(value != value ? 0x7fc0 : rounded);
}

// e^x by a power of two and a polynomial on ±½ ln 2 (Cephes); arguments beyond the normal numbers are held at their ends.
inline float exponential(float x) {
    x = x > 88.0f ? 88.0f : x;
    x = x < -87.0f ? -87.0f : x;
    const float shifted = x * 1.44269504f + 12582912.0f;  // 1.5 · 2²³: what is added to it is rounded to a whole number in its last bits
    const float whole = shifted - 12582912.0f;
    const float r = (x - whole * 0.693359375f) + whole * 2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    return (p * r * r + r + 1.0f) * as_float((as_bits(shifted) << 23) + 0x3f800000u);
}

inline float sigmoid(float x) { return 1.0f / (1.0f + exponential(-x)); }

inline float tanh_of(float x) {
    const float square = x * x;
    const float near = x * (1.0f - square * (0.33333333f - square * (0.13333333f - square * 0.053968254f)));
    const float far = 2.0f * sigmoid(2.0f * x) - 1.0f;
    return square < 0.04f ? near : far;
}

template <class L>
void forward(const L* pre, const float* __restrict before, float* acts, float* __restrict after, float* __restrict seen,
             float* h, L* low, float* __restrict means, float* __restrict scales, const float* __restrict gain,
             const float* __restrict shift, float eps, std::int64_t rows, std::int64_t size) {
    for (std::int64_t row = 0; row < rows; ++row) {
        const std::int64_t at = row * size, gates = 4 * at;
        float sum = 0.0f, squares = 0.0f;
#pragma omp simd reduction(+ : sum)
        for (std::int64_t k = 0; k < size; ++k) {
            const float i = sigmoid(read(pre, gates + k)), f = sigmoid(read(pre, gates + size + k));
            const float g = tanh_of(read(pre, gates + 2 * size + k)), o = sigmoid(read(pre, gates + 3 * size + k));
            const float c = f * before[at + k] + i * g, s = tanh_of(c);
            acts[gates + k] = i, acts[gates + size + k] = f, acts[gates + 2 * size + k] = g, acts[gates + 3 * size + k] = o;
            after[at + k] = c, seen[at + k] = s, h[at + k] = o * s;
            sum += o * s;
        }
        const float mean = sum / float(size);
#pragma omp simd reduction(+ : squares)
        for (std::int64_t k = 0; k < size; ++k) squares += (h[at + k] - mean) * (h[at + k] - mean);
        const float scale = 1.0f / std::sqrt(squares / float(size) + eps);
#pragma omp simd
        for (std::int64_t k = 0; k < size; ++k) {
            const float value = (h[at + k] - mean) * scale * gain[k] + shift[k];
            h[at + k] = value;
            write(low, at + k, value);
        }
        means[row] = mean, scales[row] = scale;
    }
}

template <class L>
void backward(const float* __restrict acts, const float* __restrict before, const float* __restrict seen, const float* __restrict means,
              const float* __restrict scales, const float* __restrict gain, const float* __restrict d_y, const L* __restrict back,
              float* __restrict d_c, L* __restrict d_pre, float* __restrict d_gain, float* __restrict d_shift, std::int64_t rows,
              std::int64_t size) {
    for (std::int64_t row = 0; row < rows; ++row) {
        const std::int64_t at = row * size, gates = 4 * at;
        const float mean = means[row], scale = scales[row];
        float sum = 0.0f, along = 0.0f;
#pragma omp simd reduction(+ : sum, along)
        for (std::int64_t k = 0; k < size; ++k) {
            const float given = d_y[at + k] + (back ? read(back, at + k) : 0.0f);
            const float normed = (acts[gates + 3 * size + k] * seen[at + k] - mean) * scale;
            d_gain[k] += given * normed;
            d_shift[k] += given;
            sum += given * gain[k];
            along += given * gain[k] * normed;
        }
        sum /= float(size), along /= float(size);
#pragma omp simd
        for (std::int64_t k = 0; k < size; ++k) {
            const float i = acts[gates + k], f = acts[gates + size + k], g = acts[gates + 2 * size + k], o = acts[gates + 3 * size + k];
            const float s = seen[at + k], normed = (o * s - mean) * scale;
            const float given = d_y[at + k] + (back ? read(back, at + k) : 0.0f);
            const float d_raw = scale * (given * gain[k] - sum - normed * along);
            const float d = d_c[at + k] + d_raw * o * (1.0f - s * s);
            write(d_pre, gates + k, d * g * i * (1.0f - i));
            write(d_pre, gates + size + k, d * before[at + k] * f * (1.0f - f));
            write(d_pre, gates + 2 * size + k, d * i * (1.0f - g * g));
            write(d_pre, gates + 3 * size + k, d_raw * s * o * (1.0f - o));
            d_c[at + k] = d * f;
        }
    }
}

}  // namespace

#define EXPORTED(NAME, L)                                                                                                                \
    extern "C" void forward_##NAME(const L* pre, const float* before, float* acts, float* after, float* seen, float* h, L* low,          \
                                   float* means, float* scales, const float* gain, const float* shift, float eps, std::int64_t rows,     \
                                   std::int64_t size) {                                                                                  \
        forward<L>(pre, before, acts, after, seen, h, low, means, scales, gain, shift, eps, rows, size);                                 \
    }                                                                                                                                    \
    extern "C" void backward_##NAME(const float* acts, const float* before, const float* seen, const float* means, const float* scales,  \
                                    const float* gain, const float* d_y, const L* back, float* d_c, L* d_pre, float* d_gain,             \
                                    float* d_shift, std::int64_t rows, std::int64_t size) {                                              \
        backward<L>(acts, before, seen, means, scales, gain, d_y, back, d_c, d_pre, d_gain, d_shift, rows, size);                        \
    }

EXPORTED(float32, float)
EXPORTED(bfloat16, std::uint16_t)
