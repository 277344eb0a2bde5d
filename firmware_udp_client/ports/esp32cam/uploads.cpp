#include "uploads.h"

#include <freertos/FreeRTOS.h>
#include <freertos/queue.h>
#include <freertos/task.h>

#include <atomic>
#include <cstdio>
#include <cstring>

#include "camera.h"
#include "connection.h"
#include "storage.h"

namespace {

using uploads::Job;
using uploads::Kind;
using uploads::Outcome;

constexpr unsigned jobs_at_most = 4;
constexpr uint32_t stack = 10240;  // TLS takes most of it
constexpr int ok = 200, no_content = 204;

QueueHandle_t jobs, outcomes;
std::atomic<unsigned> under_way{0};

Outcome success(Kind kind)
{
    return {kind, true, "", nullptr, 0};
}

Outcome failure(Kind kind, const char *problem)
{
    Outcome outcome = {kind, false, "", nullptr, 0};
    snprintf(outcome.problem, sizeof outcome.problem, "%s", problem);
    return outcome;
}

Outcome judged(Kind kind, const char *whom, int status)
{
    if (status == ok || status == no_content) {
        return success(kind);
    }
    char problem[LFCP_SEND_MAX_FIELD + 1];
    if (status == 0) {
        snprintf(problem, sizeof problem, "%s does not answer", whom);
    } else {
        snprintf(problem, sizeof problem, "%s answered %d", whom, status);
    }
    return failure(kind, problem);
}

host_port host_at(const char *name, uint16_t port)
{
    host_port host = {};
    text_copy(host.host, sizeof host.host, name, strlen(name));
    host.port = port;
    return host;
}

Outcome to_telegram(const Job &job, const config &settings, const Picture &picture)
{
    char head[HTTP_UPLOAD_HEAD_SIZE], form[MULTIPART_FORM_SIZE];
    char caption[LFCP_MAX_NAME + sizeof job.text + 2];
    snprintf(caption, sizeof caption, "%s %s", settings.name, job.text);
    const multipart_field fields[] = {{"chat_id", settings.telegram_chat}, {"caption", caption}};
    if (settings.telegram_token[0] == '\0' || settings.telegram_chat[0] == '\0') {
        return failure(job.kind, "no Telegram bot is set");
    }
    if (!multipart_form(form, sizeof form, fields, 2, "photo") ||
        !http_telegram_head(head, sizeof head, settings.telegram_token,
                            strlen(form) + picture.length() + strlen(MULTIPART_TAIL))) {
        return failure(job.kind, "the request to Telegram is too long");
    }
    Connection telegram(host_at(TELEGRAM_HOST, HTTPS_PORT), true);
    telegram.write(head);
    telegram.write(form);
    telegram.write(picture.bytes(), picture.length());
    telegram.write(MULTIPART_TAIL);
    return judged(job.kind, "Telegram", telegram.status());
}

Outcome to_prusaconnect(const config &settings, const Picture &picture)
{
    char head[HTTP_UPLOAD_HEAD_SIZE];
    if (!http_prusaconnect_head(head, sizeof head, settings.prusaconnect_host, settings.prusaconnect_token,
                                storage::fingerprint(), picture.length())) {
        return failure(Kind::automatic, "the request to PrusaConnect is too long");
    }
    Connection service(host_at(settings.prusaconnect_host, HTTPS_PORT), true);
    service.write(head);
    service.write(picture.bytes(), picture.length());
    return judged(Kind::automatic, "PrusaConnect", service.status());
}

Outcome by_post(const config &settings, const Picture &picture)
{
    char head[HTTP_UPLOAD_HEAD_SIZE];
    url to;
    if (!url_read(settings.picture_url, &to) || !http_picture_post_head(head, sizeof head, &to, picture.length())) {
        return failure(Kind::automatic, "the address for pictures is none");
    }
    Connection server(to.at, to.tls);
    server.write(head);
    server.write(picture.bytes(), picture.length());
    return judged(Kind::automatic, "the picture server", server.status());
}

// Both, as far as they are set, even if the first fails; the first failure is told.
Outcome automatic(const config &settings, const Picture &picture)
{
    Outcome first = success(Kind::automatic), second = first;
    if (settings.prusaconnect_token[0] != '\0') {
        first = to_prusaconnect(settings, picture);
    }
    if (settings.picture_url[0] != '\0') {
        second = by_post(settings, picture);
    }
    return first.succeeded ? second : first;
}

// The very service that a failover alarm would go to; without TLS, which would cost seconds each time.
Outcome probe()
{
    const Connection telegram(host_at(TELEGRAM_HOST, HTTPS_PORT), false);
    return telegram.works() ? success(Kind::probe) : failure(Kind::probe, "Telegram cannot be reached");
}

Outcome sent(const Job &job, const Picture &picture)
{
    if (job.kind == Kind::snap) {
        return success(Kind::snap);
    }
    const config settings = storage::load();
    return job.kind == Kind::automatic ? automatic(settings, picture) : to_telegram(job, settings, picture);
}

Outcome carry_out(const Job &job)
{
    if (job.kind == Kind::probe) {
        return probe();
    }
    Picture picture = camera::take(job.flash_ms);
    if (picture.empty()) {
        return failure(job.kind, "the camera gives no picture");
    }
    Outcome outcome = sent(job, picture);
    if (job.kind == Kind::snap || job.kind == Kind::automatic) {
        outcome.length = picture.length();
        outcome.bytes = picture.release();
    }
    return outcome;
}

[[noreturn]] void work(void *)
{
    for (;;) {
        Job job;
        xQueueReceive(jobs, &job, portMAX_DELAY);
        const Outcome outcome = carry_out(job);
        xQueueSend(outcomes, &outcome, portMAX_DELAY);
    }
}

}  // namespace

namespace uploads {

bool begin()
{
    jobs = xQueueCreate(jobs_at_most, sizeof(Job));
    outcomes = xQueueCreate(jobs_at_most, sizeof(Outcome));
    return jobs != nullptr && outcomes != nullptr &&
           xTaskCreate(work, "uploads", stack, nullptr, tskIDLE_PRIORITY + 1, nullptr) == pdPASS;
}

bool start(const Job &job)
{
    if (xQueueSend(jobs, &job, 0) != pdPASS) {
        return false;
    }
    under_way += job.kind == Kind::probe ? 0 : 1;
    return true;
}

bool ended(Outcome *outcome)
{
    if (xQueueReceive(outcomes, outcome, 0) != pdPASS) {
        return false;
    }
    under_way -= outcome->kind == Kind::probe ? 0 : 1;
    return true;
}

bool busy()
{
    return under_way != 0;
}

}  // namespace uploads
