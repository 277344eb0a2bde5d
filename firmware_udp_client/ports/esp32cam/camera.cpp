#include "camera.h"

#include <Arduino.h>
#include <esp_camera.h>
#include <esp_heap_caps.h>
#include <esp_jpg_decode.h>
#include <freertos/FreeRTOS.h>
#include <freertos/semphr.h>

#include <cstring>
#include <utility>

#include "board.h"

Picture::Picture(Picture &&other) noexcept
    : bytes_(std::exchange(other.bytes_, nullptr)), length_(std::exchange(other.length_, 0))
{
}

Picture &Picture::operator=(Picture &&other) noexcept
{
    std::swap(bytes_, other.bytes_);
    std::swap(length_, other.length_);
    return *this;
}

uint8_t *Picture::release()
{
    length_ = 0;
    return std::exchange(bytes_, nullptr);
}

Picture::~Picture()
{
    heap_caps_free(bytes_);
}

namespace {

SemaphoreHandle_t in_use;
bool is_on = false;

class Turn {
public:
    Turn() { xSemaphoreTake(in_use, portMAX_DELAY); }
    ~Turn() { xSemaphoreGive(in_use); }
    Turn(const Turn &) = delete;
    Turn &operator=(const Turn &) = delete;
};

camera_config_t configuration()
{
    camera_config_t of = {};
    const int *data = board::camera_data;
    of.pin_pwdn = board::camera_power_down;
    of.pin_reset = board::camera_reset;
    of.pin_xclk = board::camera_clock;
    of.pin_sccb_sda = board::camera_sda;
    of.pin_sccb_scl = board::camera_scl;
    of.pin_d0 = data[0];
    of.pin_d1 = data[1];
    of.pin_d2 = data[2];
    of.pin_d3 = data[3];
    of.pin_d4 = data[4];
    of.pin_d5 = data[5];
    of.pin_d6 = data[6];
    of.pin_d7 = data[7];
    of.pin_vsync = board::camera_vsync;
    of.pin_href = board::camera_href;
    of.pin_pclk = board::camera_pixel_clock;
    of.xclk_freq_hz = 20000000;
    of.ledc_timer = LEDC_TIMER_0;
    of.ledc_channel = LEDC_CHANNEL_0;
    of.pixel_format = PIXFORMAT_JPEG;
    of.jpeg_quality = 10;
    // The buffers are made for the first size; only smaller ones can be set later.
    of.frame_size = psramFound() ? FRAMESIZE_UXGA : FRAMESIZE_SVGA;
    of.fb_location = psramFound() ? CAMERA_FB_IN_PSRAM : CAMERA_FB_IN_DRAM;
    of.fb_count = psramFound() ? 2 : 1;
    of.grab_mode = psramFound() ? CAMERA_GRAB_LATEST : CAMERA_GRAB_WHEN_EMPTY;
    return of;
}

bool power_up()
{
    const camera_config_t wanted = configuration();
    if (esp_camera_init(&wanted) != ESP_OK) {
        return false;
    }
    sensor_t *found = esp_camera_sensor_get();
    if (found->id.PID == OV3660_PID) {  // it looks at the world upside down
        found->set_vflip(found, 1);
    }
    found->set_framesize(found, FRAMESIZE_SVGA);
    return true;
}

void throw_away_a_frame()
{
    camera_fb_t *frame = esp_camera_fb_get();
    if (frame != nullptr) {
        esp_camera_fb_return(frame);
    }
}

Picture copy_of(const camera_fb_t &frame)
{
    void *copy = heap_caps_malloc(frame.len, psramFound() ? MALLOC_CAP_SPIRAM : MALLOC_CAP_8BIT);
    if (copy == nullptr) {
        return {};
    }
    std::memcpy(copy, frame.buf, frame.len);
    return {static_cast<uint8_t *>(copy), frame.len};
}

Picture grab()
{
    camera_fb_t *frame = esp_camera_fb_get();
    if (frame == nullptr) {
        return {};
    }
    Picture picture = copy_of(*frame);
    esp_camera_fb_return(frame);
    return picture;
}

template <int (*sensor_t::*member)(sensor_t *, int)>
int set(void *sensor, int value)
{
    if (sensor == nullptr) {
        return -1;
    }
    auto *found = static_cast<sensor_t *>(sensor);
    return (found->*member)(found, value);
}

int set_framesize(void *sensor, int value)
{
    if (sensor == nullptr) {
        return -1;
    }
    auto *found = static_cast<sensor_t *>(sensor);
    return found->set_framesize(found, static_cast<framesize_t>(value));
}

struct Setters {
    camera_setters of = {};

    Setters()
    {
        of[LFCP_SETTING_framesize] = set_framesize;
        of[LFCP_SETTING_quality] = set<&sensor_t::set_quality>;
        of[LFCP_SETTING_brightness] = set<&sensor_t::set_brightness>;
        of[LFCP_SETTING_contrast] = set<&sensor_t::set_contrast>;
        of[LFCP_SETTING_saturation] = set<&sensor_t::set_saturation>;
        of[LFCP_SETTING_hmirror] = set<&sensor_t::set_hmirror>;
        of[LFCP_SETTING_vflip] = set<&sensor_t::set_vflip>;
        of[LFCP_SETTING_lensc] = set<&sensor_t::set_lenc>;
        of[LFCP_SETTING_exposure_ctrl] = set<&sensor_t::set_exposure_ctrl>;
    }
};

struct Decoding {
    const Picture &picture;
    size_t size;
    luma *result;
};

size_t read_jpeg(void *argument, size_t index, uint8_t *buffer, size_t length)
{
    const auto *decoding = static_cast<const Decoding *>(argument);
    if (buffer != nullptr) {  // else it skips
        std::memcpy(buffer, decoding->picture.bytes() + index, length);
    }
    return length;
}

// The decoder tells the size first, by a block without data.
bool write_block(void *argument, uint16_t x, uint16_t y, uint16_t w, uint16_t h, uint8_t *rgb)
{
    auto *decoding = static_cast<Decoding *>(argument);
    if (rgb != nullptr) {
        luma_block(decoding->result, x, y, w, h, rgb);
        return true;
    }
    if (x == 0 && y == 0) {
        decoding->result->width = w;
        decoding->result->height = static_cast<size_t>(w) * h <= decoding->size ? h : 0;
    }
    return true;
}

}  // namespace

namespace camera {

const camera_setters &setters()
{
    static const Setters table;
    return table.of;
}

void begin()
{
    in_use = xSemaphoreCreateMutex();
    pinMode(board::flash, OUTPUT);
    digitalWrite(board::flash, LOW);
}

bool set_on(bool on)
{
    const Turn turn;
    if (on == is_on) {
        return true;
    }
    is_on = on ? power_up() : esp_camera_deinit() != ESP_OK;
    return is_on == on;
}

Picture take(uint32_t flash_ms)
{
    const Turn turn;
    if (!is_on) {
        return {};
    }
    if (flash_ms == 0) {
        return grab();
    }
    digitalWrite(board::flash, HIGH);
    delay(flash_ms);
    throw_away_a_frame();  // it may be from before the light
    Picture picture = grab();
    digitalWrite(board::flash, LOW);
    return picture;
}

void *sensor()
{
    return is_on ? esp_camera_sensor_get() : nullptr;
}

bool to_luma(const Picture &picture, uint8_t *pixels, size_t size, luma *result)
{
    *result = {pixels, 0, 0};
    Decoding decoding = {picture, size, result};
    return !picture.empty() &&
           esp_jpg_decode(picture.length(), JPG_SCALE_8X, read_jpeg, write_block, &decoding) == ESP_OK &&
           result->height != 0;
}

}  // namespace camera
