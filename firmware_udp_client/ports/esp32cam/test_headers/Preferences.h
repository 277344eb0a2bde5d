#pragma once
#include <cstddef>

class Preferences {
public:
    bool begin(const char *name, bool readOnly = false, const char *partition_label = nullptr);
    bool isKey(const char *key);
    size_t putBytes(const char *key, const void *value, size_t length);
    size_t getBytesLength(const char *key);
    size_t getBytes(const char *key, void *buffer, size_t size);
};
