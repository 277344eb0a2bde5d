#include "frames.h"

#include <Arduino.h>

#include <utility>

namespace {

constexpr uint32_t live_every_ms = 100;  // the Wi-Fi is the narrower place with most sizes

picture_uploads uploads_of_lfcp;

bool take_live(void *, uint8_t **bytes, size_t *length)
{
    Picture picture = camera::take(0);
    *length = picture.length();
    *bytes = picture.release();
    return *bytes != nullptr;
}

void give_back(void *, uint8_t *bytes)
{
    const Picture freed(bytes, 0);
}

void over(void *, const lfcp_upload *upload, const char *why)
{
    if (upload->state != LFCP_UPLOAD_ARRIVED) {
        Serial.printf("picture %s not uploaded: %s\n", upload->picture->id, why);
    }
}

const picture_source source = {nullptr, take_live, give_back, over};

}  // namespace

namespace frames {

void begin(lfcp_client *client)
{
    picture_uploads_start(&uploads_of_lfcp, client, &source, live_every_ms);
}

void add(const host_port &server)
{
    picture_uploads_add(&uploads_of_lfcp, &server);
}

bool offer(Picture picture, lfcp_trigger trigger, const char *id, unsigned server)
{
    const size_t length = picture.length();
    uint8_t *bytes = picture.release();
    if (bytes != nullptr &&
        picture_uploads_offer(&uploads_of_lfcp, bytes, length, trigger, id, server) == LFCP_OK) {
        return true;
    }
    give_back(nullptr, bytes);
    return false;
}

bool has(const char *id)
{
    return picture_uploads_has(&uploads_of_lfcp, id);
}

void live(unsigned server, uint32_t seconds, uint64_t now)
{
    picture_uploads_live(&uploads_of_lfcp, server, seconds, now);
}

bool busy()
{
    return picture_uploads_busy(&uploads_of_lfcp);
}

void work(uint64_t now)
{
    picture_uploads_work(&uploads_of_lfcp, now);
}

void hang_up(uint64_t now)
{
    picture_uploads_hang_up(&uploads_of_lfcp, now);
}

bool receive(unsigned *server, uint8_t *frame, size_t size, size_t *length, uint64_t now)
{
    return picture_uploads_receive(&uploads_of_lfcp, server, frame, size, length, now);
}

void answered(unsigned server, const lfcp_answer &answer, uint64_t now)
{
    picture_uploads_answered(&uploads_of_lfcp, server, &answer, now);
}

}  // namespace frames
