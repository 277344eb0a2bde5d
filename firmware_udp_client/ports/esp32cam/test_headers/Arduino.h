#pragma once
#include <cstddef>
#include <cstdint>
#include <cstdio>

#define RTC_DATA_ATTR __attribute__((section(".rtc.data")))
#define OUTPUT 0x03
#define LOW 0x0
#define HIGH 0x1

extern "C" {
unsigned long millis();
void delay(uint32_t ms);
void pinMode(uint8_t pin, uint8_t mode);
void digitalWrite(uint8_t pin, uint8_t value);
bool psramFound();
}

class HardwareSerial {
public:
    void begin(unsigned long baud);
    size_t println(const char *text);
    size_t printf(const char *format, ...) __attribute__((format(printf, 2, 3)));
};
extern HardwareSerial Serial;

class EspClass {
public:
    void restart();
};
extern EspClass ESP;
