#include "watch.h"

#include "camera.h"

namespace {

constexpr uint64_t look_every_ms = 500;
constexpr uint64_t tell_every_ms = 10000;
constexpr size_t most_pixels = 200 * 150;  // an eighth of 1600 by 1200

uint8_t pixels[most_pixels];
lfcp_motion detector;
uint16_t width = 0, height = 0;  // that the detector was started for; 0: it is not
uint64_t next_look = 0, next_tell = 0;
uint8_t threshold = 0, blocks = 0;

bool start(const luma &picture)
{
    lfcp_motion_config wanted;
    if (lfcp_motion_defaults(&wanted, picture.width, picture.height) != LFCP_OK) {
        return false;
    }
    wanted.threshold = threshold;
    wanted.blocks = blocks;
    if (lfcp_motion_start(&detector, &wanted) != LFCP_OK) {
        return false;
    }
    width = picture.width;
    height = picture.height;
    return true;
}

bool sees_motion(const luma &picture)
{
    bool moves = false;
    if ((picture.width != width || picture.height != height) && !start(picture)) {
        return false;
    }
    return lfcp_motion_frame(&detector, picture.pixels, picture.width, &moves) == LFCP_OK && moves;
}

}  // namespace

namespace watch {

void begin(const config &settings)
{
    threshold = static_cast<uint8_t>(settings.motion_threshold);
    blocks = static_cast<uint8_t>(settings.motion_blocks);
}

bool moved(uint64_t now, Picture *seen)
{
    if (now < next_look) {
        return false;
    }
    next_look = now + look_every_ms;
    luma picture;
    *seen = camera::take(0);
    if (!camera::to_luma(*seen, pixels, sizeof pixels, &picture) || !sees_motion(picture)) {
        return false;
    }
    if (now < next_tell) {
        return false;
    }
    next_tell = now + tell_every_ms;
    return true;
}

void forget()
{
    width = height = 0;
}

}  // namespace watch
