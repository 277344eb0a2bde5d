/* Motion: blocks whose mean level differs from what it has been lately, in more than the light of the whole picture. */
#include <string.h>

#include "lfcp_motion.h"

#define FRACTION 16 /* levels are kept in 16ths */
#define WHITE (255 * FRACTION)
#define BURNT_OUT (250 * FRACTION)
#define LEARNING 8      /* the background follows by this part of a difference in each frame */
#define LONGEST_STEP 12 /* but by no more than this part of the threshold */
#define NO_SHIFT WHITE  /* shifts are moved up by this, so that none is negative */
#define GAIN_ONE 256    /* gains are kept in 256ths */
#define MOST_GAIN 1023  /* a picture that gets four times as bright is a lamp, not a gain */

/* How a block changed: a shift or a gain; and what it would be if it had changed like that. */
typedef unsigned measure(unsigned now, unsigned before);
typedef unsigned prediction(unsigned before, unsigned change);

typedef struct model {
    measure *measured;
    prediction *predicted;
    unsigned most;
} model;

static unsigned blocks_of(const lfcp_motion_config *config)
{
    return (unsigned)config->columns * config->rows;
}

static bool masked(const lfcp_motion_config *config, unsigned block)
{
    return config->mask != NULL && (config->mask[block / 8] >> block % 8 & 1) != 0;
}

lfcp_status lfcp_motion_defaults(lfcp_motion_config *config, uint16_t width, uint16_t height)
{
    *config = (lfcp_motion_config){width, height, 16, 12, 18, 4, 2, NULL};
    return width >= config->columns && height >= config->rows ? LFCP_OK : LFCP_INVALID;
}

lfcp_status lfcp_motion_start(lfcp_motion *motion, const lfcp_motion_config *config)
{
    if (blocks_of(config) < 1 || blocks_of(config) > LFCP_MOTION_BLOCKS || config->width < config->columns ||
        config->height < config->rows || config->threshold < 1 || config->blocks < 1 || config->frames < 1) {
        return LFCP_INVALID;
    }
    memset(motion, 0, sizeof *motion);
    motion->config = *config;
    return LFCP_OK;
}

/* The mean of a block in 16ths of a level. A block of a whole picture of 65535 by 65535 would overflow 32 bits. */
static uint16_t mean_of(const lfcp_motion_config *config, const uint8_t *pixels, size_t stride, unsigned block)
{
    unsigned width = config->width / config->columns;
    unsigned height = config->height / config->rows;
    const uint8_t *row = pixels + block / config->columns * height * stride + block % config->columns * width;
    uint64_t sum = 0;
    for (unsigned y = 0; y < height; y++, row += stride) {
        for (unsigned x = 0; x < width; x++) {
            sum += row[x];
        }
    }
    return (uint16_t)(sum * FRACTION / ((uint64_t)width * height));
}

static unsigned shift(unsigned now, unsigned before)
{
    return now + NO_SHIFT - before;
}

static unsigned shifted(unsigned before, unsigned by)
{
    return before + by > NO_SHIFT ? before + by - NO_SHIFT : 0;
}

static unsigned gain(unsigned now, unsigned before)
{
    unsigned found = (now * GAIN_ONE + before / 2) / (before > 0 ? before : 1);
    return found < MOST_GAIN ? found : MOST_GAIN;
}

static unsigned amplified(unsigned before, unsigned by)
{
    return before * by / GAIN_ONE;
}

static unsigned level(unsigned now, unsigned before)
{
    (void)before;
    return now;
}

static const model shifts = {shift, shifted, NO_SHIFT + WHITE};
static const model gains = {gain, amplified, MOST_GAIN};
static const model levels = {level, NULL, WHITE};

static unsigned count_up_to(const lfcp_motion *motion, const uint16_t *means, measure *of, unsigned limit)
{
    unsigned count = 0;
    for (unsigned block = 0; block < blocks_of(&motion->config); block++) {
        if (!masked(&motion->config, block) && of(means[block], motion->background[block]) <= limit) {
            count++;
        }
    }
    return count;
}

/* The number that half of them do not exceed, by bisection: no second table in a small memory. */
static unsigned median(const lfcp_motion *motion, const uint16_t *means, const model *of)
{
    unsigned most = of->most;
    unsigned half = (count_up_to(motion, means, of->measured, most) + 1) / 2;
    unsigned low = 0;
    while (low < most) {
        unsigned middle = (low + most) / 2;
        if (count_up_to(motion, means, of->measured, middle) >= half) {
            most = middle;
        } else {
            low = middle + 1;
        }
    }
    return low;
}

/* What the block would be if only the light had changed. No block gets brighter than white. */
static int expected(const lfcp_motion *motion, unsigned block, const model *light, unsigned change)
{
    unsigned found = light->predicted(motion->background[block], change);
    return (int)(found < WHITE ? found : WHITE);
}

static uint8_t count_changed(const lfcp_motion *motion, const uint16_t *means, const model *light, unsigned change)
{
    int threshold = motion->config.threshold * FRACTION;
    uint8_t changed = 0;
    for (unsigned block = 0; block < blocks_of(&motion->config); block++) {
        int difference = means[block] - expected(motion, block, light, change);
        if (!masked(&motion->config, block) && (difference >= threshold || difference <= -threshold)) {
            changed++;
        }
    }
    return changed;
}

/* The background follows slowly, so that what stays becomes a part of it: the light in proportion, and the rest in
 * steps that stay so small that what shows up in every second frame never gets into the background. */
static void learn(lfcp_motion *motion, const uint16_t *means, const model *light, unsigned change)
{
    int most = motion->config.threshold * FRACTION / LONGEST_STEP + 1;
    for (unsigned block = 0; block < blocks_of(&motion->config); block++) {
        int before = motion->background[block];
        int unexplained = (means[block] - expected(motion, block, light, change)) / LEARNING;
        int step = (expected(motion, block, light, change) - before) / LEARNING + (unexplained > most    ? most
                                                                                   : unexplained < -most ? -most
                                                                                                         : unexplained);
        motion->background[block] = (uint16_t)(before + step);
    }
}

/* Judges by the kind of light that explains more, and learns by it. */
static void compare(lfcp_motion *motion, const uint16_t *means)
{
    unsigned usual_shift = median(motion, means, &shifts);
    unsigned usual_gain = median(motion, means, &gains);
    uint8_t by_shift = count_changed(motion, means, &shifts, usual_shift);
    uint8_t by_gain = count_changed(motion, means, &gains, usual_gain);
    motion->changed = by_gain < by_shift ? by_gain : by_shift;
    if (by_gain < by_shift) {
        learn(motion, means, &gains, usual_gain);
    } else {
        learn(motion, means, &shifts, usual_shift);
    }
}

static void judge(lfcp_motion *motion, const uint16_t *means)
{
    if (!motion->has_background) {
        memcpy(motion->background, means, blocks_of(&motion->config) * sizeof *means);
        motion->has_background = true;
    } else if (median(motion, means, &levels) >= BURNT_OUT) {
        motion->changed = 0; /* a picture that is mostly white shows nothing */
    } else {
        compare(motion, means);
    }
}

lfcp_status lfcp_motion_frame(lfcp_motion *motion, const uint8_t *pixels, size_t stride, bool *moved)
{
    uint16_t means[LFCP_MOTION_BLOCKS];
    *moved = false;
    if (stride < motion->config.width) {
        return LFCP_INVALID;
    }
    for (unsigned block = 0; block < blocks_of(&motion->config); block++) {
        means[block] = mean_of(&motion->config, pixels, stride, block);
    }
    judge(motion, means);
    if (motion->changed < motion->config.blocks) {
        motion->in_a_row = 0;
    } else if (motion->in_a_row < motion->config.frames) {
        motion->in_a_row++;
    }
    *moved = motion->in_a_row >= motion->config.frames;
    return LFCP_OK;
}
