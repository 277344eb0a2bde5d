/* The motion detector on sequences of pictures that are painted here: noise, light, flicker, things that move. */
#include <stdlib.h>

#include "check.h"
#include "lfcp_motion.h"

#define WIDTH 160
#define HEIGHT 120
#define STRIDE (WIDTH + 5)

static uint8_t picture[HEIGHT][STRIDE];
static lfcp_motion motion;
static uint32_t seed;

/* Numerical Recipes' linear congruential generator: the same pictures everywhere. */
static int noise(int amplitude)
{
    seed = seed * 1664525u + 1013904223u;
    return amplitude == 0 ? 0 : (int)(seed >> 16) % (2 * amplitude + 1) - amplitude;
}

static uint8_t clipped(int level)
{
    return (uint8_t)(level < 0 ? 0 : level > 255 ? 255 : level);
}

/* A room: darker below and to the left, with noise. Gain in percent, then a shift. */
static void paint_room(int gain, int shift, int amplitude)
{
    for (int y = 0; y < HEIGHT; y++) {
        for (int x = 0; x < WIDTH; x++) {
            picture[y][x] = clipped((60 + x / 2 + y / 3) * gain / 100 + shift + noise(amplitude));
        }
    }
}

static void paint_box(int left, int top, int width, int height, uint8_t level)
{
    for (int y = top; y < top + height && y < HEIGHT; y++) {
        for (int x = left; x < left + width && x < WIDTH; x++) {
            picture[y][x] = level;
        }
    }
}

static void start_with(void (*change)(lfcp_motion_config *config))
{
    lfcp_motion_config config;
    seed = 1;
    CHECK(lfcp_motion_defaults(&config, WIDTH, HEIGHT) == LFCP_OK);
    if (change != NULL) {
        change(&config);
    }
    CHECK(lfcp_motion_start(&motion, &config) == LFCP_OK);
}

static bool see(void)
{
    bool moved = true;
    CHECK(lfcp_motion_frame(&motion, &picture[0][0], STRIDE, &moved) == LFCP_OK);
    return moved;
}

static void learn_the_room(void)
{
    for (int frame = 0; frame < 5; frame++) {
        paint_room(100, 0, 4);
        CHECK(!see());
    }
}

static void noise_is_no_motion(void)
{
    start_with(NULL);
    for (int frame = 0; frame < 100; frame++) {
        paint_room(100, 0, 25);
        CHECK(!see() && motion.changed == 0);
    }
}

static void daybreak_is_no_motion(void)
{
    start_with(NULL);
    for (int frame = 0; frame < 150; frame++) {
        paint_room(20 + frame, 0, 3);
        CHECK(!see());
    }
}

static void a_lamp_for_the_whole_room_is_no_motion(void)
{
    const int lights[][2] = {{100, 60}, {100, -40}, {160, 0}, {60, 0}, {100, 255}, {400, 0}};
    for (size_t at = 0; at < sizeof lights / sizeof *lights; at++) {
        start_with(NULL);
        learn_the_room();
        for (int frame = 0; frame < 240; frame++) { /* on, and off again */
            paint_room(frame < 120 ? lights[at][0] : 100, frame < 120 ? lights[at][1] : 0, 4);
            CHECK(!see());
        }
    }
}

static void nor_is_sudden_darkness(void)
{
    start_with(NULL);
    learn_the_room();
    for (int frame = 0; frame < 120; frame++) {
        paint_room(0, 0, 4);
        CHECK(!see());
    }
    paint_box(60, 40, 40, 40, 120); /* a torch in it is */
    CHECK(!see());
    CHECK(see());
}

static void a_torch_in_the_dark_is_motion(void)
{
    start_with(NULL);
    paint_room(0, 0, 0);
    CHECK(!see());
    CHECK(!see());
    paint_box(60, 40, 40, 40, 120);
    CHECK(!see());
    CHECK(see());
}

static void flicker_of_the_mains_is_no_motion(void)
{
    start_with(NULL);
    for (int frame = 0; frame < 60; frame++) {
        paint_room(frame % 2 == 0 ? 100 : 130, 0, 4);
        CHECK(!see());
    }
}

static void a_thing_that_moves_is_seen_in_the_second_frame(void)
{
    start_with(NULL);
    learn_the_room();
    for (int frame = 0; frame < 6; frame++) {
        paint_room(100, 0, 4);
        paint_box(10 + 12 * frame, 50, 30, 40, 20);
        CHECK(see() == (frame >= 1));
    }
    for (int frame = 0; frame < 40; frame++) { /* and forgotten when it is gone */
        paint_room(100, 0, 4);
        (void)see();
    }
    CHECK(motion.changed == 0);
}

static void it_is_seen_while_the_light_changes(void)
{
    start_with(NULL);
    learn_the_room();
    for (int frame = 0; frame < 4; frame++) {
        paint_room(100, 10 * frame, 4);
        paint_box(10 + 12 * frame, 30, 30, 60, 250);
        CHECK(see() == (frame >= 1));
    }
}

static void what_is_small_is_no_motion(void)
{
    start_with(NULL);
    learn_the_room();
    for (int frame = 0; frame < 6; frame++) {
        paint_room(100, 0, 4);
        paint_box(10 + 10 * frame, 50, 10, 10, 255); /* a cat that is one block large */
        CHECK(!see() && motion.changed > 0);
    }
}

static void what_shows_up_in_one_frame_only_is_no_motion(void)
{
    start_with(NULL);
    learn_the_room();
    for (int frame = 0; frame < 20; frame++) {
        paint_room(100, 0, 4);
        if (frame % 2 == 0) {
            paint_box(40, 20, 50, 50, 255); /* lightning in the window */
        }
        CHECK(!see());
    }
}

static void what_stays_becomes_a_part_of_the_room(void)
{
    unsigned seen = 0;
    start_with(NULL);
    learn_the_room();
    for (int frame = 0; frame < 200; frame++) {
        paint_room(100, 0, 4);
        paint_box(40, 40, 40, 40, 250); /* a parcel */
        seen += see();
    }
    CHECK(seen > 1 && seen < 120 && motion.changed == 0);
}

static uint8_t mask[LFCP_MOTION_BLOCKS / 8];

static void with_mask(lfcp_motion_config *config)
{
    config->mask = mask;
}

static void a_masked_block_is_not_watched(void)
{
    memset(mask, 0, sizeof mask);
    for (int block = 0; block < LFCP_MOTION_BLOCKS; block++) {
        if (block % 16 < 8) {
            mask[block / 8] = (uint8_t)(mask[block / 8] | 1 << block % 8); /* the left half: a tree in the wind */
        }
    }
    start_with(with_mask);
    learn_the_room();
    for (int frame = 0; frame < 10; frame++) {
        paint_room(100, 0, 4);
        paint_box(5 * frame, 0, 35, HEIGHT, 10);
        CHECK(!see() && motion.changed == 0);
    }
    for (int frame = 0; frame < 2; frame++) {
        paint_room(100, 0, 4);
        paint_box(100 + 12 * frame, 50, 30, 40, 10);
        CHECK(see() == (frame == 1));
    }
    memset(mask, 0xff, sizeof mask);
    start_with(with_mask);
    for (int frame = 0; frame < 4; frame++) {
        paint_room(frame * 30, 0, 80);
        CHECK(!see());
    }
}

static void sensitive(lfcp_motion_config *config)
{
    config->threshold = 1;
    config->blocks = 1;
    config->frames = 1;
}

static void it_is_as_sensitive_as_it_is_told(void)
{
    start_with(sensitive);
    paint_room(100, 0, 0);
    CHECK(!see());
    CHECK(!see());
    paint_box(80, 60, 10, 10, (uint8_t)(picture[65][85] + 2));
    CHECK(see() && motion.changed == 1);
}

static void one_block(lfcp_motion_config *config)
{
    config->columns = config->rows = 1;
    config->blocks = config->frames = 1;
    config->threshold = 1;
}

static void a_single_block_is_all_light(void)
{
    start_with(one_block);
    paint_room(100, 0, 0);
    CHECK(!see());
    paint_room(200, 0, 0);
    CHECK(!see());
}

static void numbers_out_of_range_are_refused(void)
{
    lfcp_motion_config good;
    lfcp_motion_config bad;
    CHECK(lfcp_motion_defaults(&bad, 15, 120) == LFCP_INVALID && lfcp_motion_defaults(&bad, 160, 11) == LFCP_INVALID);
    CHECK(lfcp_motion_defaults(&good, WIDTH, HEIGHT) == LFCP_OK);
#define REFUSED(change)                                                                                                \
    do {                                                                                                               \
        bad = good;                                                                                                    \
        change;                                                                                                        \
        CHECK(lfcp_motion_start(&motion, &bad) == LFCP_INVALID);                                                       \
    } while (0)
    REFUSED(bad.columns = 0);
    REFUSED(bad.rows = 13);
    REFUSED(bad.width = 15);
    REFUSED(bad.height = 11);
    REFUSED(bad.threshold = 0);
    REFUSED(bad.blocks = 0);
    REFUSED(bad.frames = 0);
#undef REFUSED
    start_with(NULL);
    bool moved = true;
    CHECK(lfcp_motion_frame(&motion, &picture[0][0], WIDTH - 1, &moved) == LFCP_INVALID && !moved);
}

int main(void)
{
    RUN(noise_is_no_motion);
    RUN(daybreak_is_no_motion);
    RUN(a_lamp_for_the_whole_room_is_no_motion);
    RUN(nor_is_sudden_darkness);
    RUN(a_torch_in_the_dark_is_motion);
    RUN(flicker_of_the_mains_is_no_motion);
    RUN(a_thing_that_moves_is_seen_in_the_second_frame);
    RUN(it_is_seen_while_the_light_changes);
    RUN(what_is_small_is_no_motion);
    RUN(what_shows_up_in_one_frame_only_is_no_motion);
    RUN(what_stays_becomes_a_part_of_the_room);
    RUN(a_masked_block_is_not_watched);
    RUN(it_is_as_sensitive_as_it_is_told);
    RUN(a_single_block_is_all_light);
    RUN(numbers_out_of_range_are_refused);
    return checked();
}
