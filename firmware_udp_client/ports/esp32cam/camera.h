// The image sensor: pictures as copies, so that a slow reader of one holds up nobody.
#pragma once

#include <cstddef>
#include <cstdint>

#include "plain_c.h"

// A JPEG in memory of its own. Empty if none could be taken.
class Picture {
public:
    Picture() = default;
    Picture(uint8_t *bytes, size_t length) : bytes_(bytes), length_(length) {}
    Picture(Picture &&other) noexcept;
    Picture &operator=(Picture &&other) noexcept;
    Picture(const Picture &) = delete;
    Picture &operator=(const Picture &) = delete;
    ~Picture();

    bool empty() const { return bytes_ == nullptr; }
    const uint8_t *bytes() const { return bytes_; }
    size_t length() const { return length_; }

    // The memory is the caller's now; null if it was empty.
    uint8_t *release();

private:
    uint8_t *bytes_ = nullptr;
    size_t length_ = 0;
};

namespace camera {

// Once, before anything else. Then the camera is off.
void begin();

// Powers the sensor up or down. False if it does not answer.
bool set_on(bool on);

// flash: for so many milliseconds before the picture; 0: none. Any task may ask.
Picture take(uint32_t flash_ms);

// For camera_setting_apply; sensor() is null while the camera is off.
const camera_setters &setters();
void *sensor();

// The picture as grey pixels, an eighth of it in each direction. False if it cannot be read, or `size` is too small.
bool to_luma(const Picture &picture, uint8_t *pixels, size_t size, luma *result);

}  // namespace camera
