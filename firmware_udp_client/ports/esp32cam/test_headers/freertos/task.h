#pragma once
#include "freertos/FreeRTOS.h"
typedef void (*TaskFunction_t)(void *);
typedef struct tskTaskControlBlock *TaskHandle_t;
#define tskIDLE_PRIORITY ((UBaseType_t)0U)
extern "C" BaseType_t xTaskCreate(TaskFunction_t code, const char *name, uint32_t stack_depth, void *parameters,
                                  UBaseType_t priority, TaskHandle_t *created);
