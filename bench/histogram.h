/* Latencies in nanoseconds, counted in buckets 1.6 % wide: a percentile needs no list of every message. */
#ifndef BENCH_HISTOGRAM_H
#define BENCH_HISTOGRAM_H

#include <stdint.h>
#include <string.h>

#define HISTOGRAM_FINE_BITS 6 /* buckets for each power of two: 64 */
#define HISTOGRAM_BUCKETS ((64 - HISTOGRAM_FINE_BITS) << HISTOGRAM_FINE_BITS)

struct histogram {
    uint64_t count, sum, max;
    uint64_t buckets[HISTOGRAM_BUCKETS];
};

static inline unsigned histogram_bucket(uint64_t value)
{
    if (value < (1u << HISTOGRAM_FINE_BITS))
        return (unsigned)value;
    unsigned shift = 63u - (unsigned)__builtin_clzll(value) - HISTOGRAM_FINE_BITS;
    return ((shift + 1) << HISTOGRAM_FINE_BITS) + (unsigned)((value >> shift) & ((1u << HISTOGRAM_FINE_BITS) - 1));
}

/* The largest value that falls into a bucket, so that a percentile is never flattered. */
static inline uint64_t histogram_value(unsigned bucket)
{
    if (bucket < (1u << HISTOGRAM_FINE_BITS))
        return bucket;
    unsigned shift = (bucket >> HISTOGRAM_FINE_BITS) - 1;
    uint64_t fine = (bucket & ((1u << HISTOGRAM_FINE_BITS) - 1)) | (1u << HISTOGRAM_FINE_BITS);
    return ((fine + 1) << shift) - 1;
}

static inline void histogram_add(struct histogram *h, uint64_t value)
{
    h->count++;
    h->sum += value;
    if (value > h->max)
        h->max = value;
    h->buckets[histogram_bucket(value)]++;
}

/* The value that `part` (0..1) of all values do not exceed; 0 when there are none. */
static inline uint64_t histogram_percentile(const struct histogram *h, double part)
{
    uint64_t wanted = (uint64_t)(part * (double)h->count + 0.999999), seen = 0;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += h->buckets[i];
        if (seen >= wanted && seen > 0)
            return histogram_value(i) < h->max ? histogram_value(i) : h->max;
    }
    return h->max;
}

#endif
