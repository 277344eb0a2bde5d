// The AI-Thinker ESP32-CAM: where its camera, its flash and its small red light are.
#pragma once

namespace board {

constexpr int camera_power_down = 32;
constexpr int camera_reset = -1;
constexpr int camera_clock = 0;
constexpr int camera_sda = 26;
constexpr int camera_scl = 27;
constexpr int camera_data[8] = {5, 18, 19, 21, 36, 39, 34, 35};  // D0 to D7
constexpr int camera_vsync = 25;
constexpr int camera_href = 23;
constexpr int camera_pixel_clock = 22;
constexpr int flash = 4;
constexpr int light = 33;  // on while low

}  // namespace board
