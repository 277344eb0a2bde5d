#include "pages.h"

#include <Arduino.h>
#include <freertos/FreeRTOS.h>
#include <freertos/task.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <memory>
#include <string>

#include "camera.h"
#include "storage.h"

namespace {

constexpr uint16_t page_port = 80, stream_port = 81;
constexpr uint32_t stack = 6144;
constexpr unsigned long request_limit_ms = 10000;
constexpr time_t silence_limit_s = 5;
constexpr char user[] = "admin";
constexpr char html[] = "text/html; charset=utf-8";

std::atomic<bool> wants_restart{false};
std::atomic<const char *> state{""};

// A visitor, for as long as this lives.
class Visit {
public:
    explicit Visit(int listener) : socket_(accept(listener, nullptr, nullptr))
    {
        const timeval limit = {silence_limit_s, 0};
        setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
        http_request_start(request.get());
    }
    Visit(const Visit &) = delete;
    Visit &operator=(const Visit &) = delete;
    ~Visit()
    {
        if (socket_ >= 0) {
            close(socket_);
        }
    }

    // False: it went away, or was too slow.
    bool read()
    {
        const unsigned long began = millis();
        uint8_t bytes[256];
        while (request->reading == HTTP_READING) {
            const ssize_t got = recv(socket_, bytes, sizeof bytes, 0);
            if (got <= 0 || millis() - began > request_limit_ms) {
                return false;
            }
            http_request_feed(request.get(), bytes, static_cast<size_t>(got));
        }
        return true;
    }

    bool send(const void *bytes, size_t length)
    {
        const auto *next = static_cast<const uint8_t *>(bytes);
        while (length > 0) {
            const ssize_t sent = ::send(socket_, next, length, 0);
            if (sent <= 0) {
                return false;
            }
            next += sent;
            length -= static_cast<size_t>(sent);
        }
        return true;
    }

    void answer(uint16_t status, const char *content_type, const void *content, size_t length)
    {
        char head[HTTP_PAGE_HEAD_SIZE];
        if (http_page_head(head, sizeof head, status, content_type, length) && send(head, strlen(head))) {
            send(content, length);
        }
    }

    void answer(uint16_t status)
    {
        const char *text = http_status_text(status);
        answer(status, "text/plain", text, strlen(text));
    }

    std::unique_ptr<http_request> request = std::make_unique<http_request>();

private:
    int socket_;
};

// Answers what must not go on; the rest is for the caller.
bool may_go_on(Visit &visit, const config &settings)
{
    const http_request &request = *visit.request;
    if (request.reading == HTTP_REFUSED) {
        visit.answer(request.status);
        return false;
    }
    if (!http_request_is_authorised(&request, user, settings.password)) {
        visit.answer(401);
        return false;
    }
    return true;
}

void show_page(Visit &visit, const config &settings, const char *notice)
{
    const auto page = std::make_unique<char[]>(CONTROL_PAGE_SIZE);
    if (control_page_write(page.get(), CONTROL_PAGE_SIZE, &settings, notice, state)) {
        visit.answer(200, html, page.get(), strlen(page.get()));
    } else {
        visit.answer(503);
    }
}

void show_problem(Visit &visit, const config &settings)
{
    const char *problem = config_problem(&settings);
    show_page(visit, settings, problem == nullptr ? "" : problem);
}

void take_form(Visit &visit)
{
    http_request &request = *visit.request;
    const config_field *refused = nullptr;
    const bool kept = storage::change([&](config &settings) {
        refused = config_from_form(&settings, request.body, request.body_length);
        return refused == nullptr;
    });
    if (refused != nullptr) {
        const std::string notice = std::string(refused->label) + ": " + refused->wanted;
        show_page(visit, storage::load(), notice.c_str());
    } else if (!kept) {
        visit.answer(503);
    } else {
        visit.answer(303);
        wants_restart = true;
    }
}

void show_picture(Visit &visit)
{
    const Picture picture = camera::take(0);
    if (picture.empty()) {
        visit.answer(503);
    } else {
        visit.answer(200, "image/jpeg", picture.bytes(), picture.length());
    }
}

void serve_page(Visit &visit)
{
    const config settings = storage::load();
    const http_request &request = *visit.request;
    if (!may_go_on(visit, settings)) {
        return;
    }
    if (request.method == REQUEST_POST) {
        if (http_request_is_own_origin(&request)) {
            take_form(visit);
        } else {
            visit.answer(403);
        }
    } else if (strcmp(request.path, "/capture") == 0) {
        show_picture(visit);
    } else if (strcmp(request.path, "/") == 0) {
        show_problem(visit, settings);
    } else {
        visit.answer(404);
    }
}

bool send_frame(Visit &visit)
{
    const Picture picture = camera::take(0);
    char part[MJPEG_PART_SIZE];
    return !picture.empty() && mjpeg_part(part, sizeof part, picture.length()) && visit.send(part, strlen(part)) &&
           visit.send(picture.bytes(), picture.length());
}

void serve_stream(Visit &visit)
{
    const http_request &request = *visit.request;
    if (!may_go_on(visit, storage::load())) {
        return;
    }
    if (request.method != REQUEST_GET || strcmp(request.path, "/stream") != 0) {
        visit.answer(404);
        return;
    }
    visit.send(MJPEG_HEAD, strlen(MJPEG_HEAD));
    while (send_frame(visit)) {
    }
}

int listen_at(uint16_t port)
{
    const int listener = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_ANY);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, reinterpret_cast<const sockaddr *>(&address), sizeof address) != 0 || listen(listener, 2) != 0) {
        close(listener);
        return -1;
    }
    return listener;
}

// One visitor at a time: there is memory for one picture on its way, and one stream.
template <uint16_t port, void (*serve)(Visit &)>
[[noreturn]] void work(void *)
{
    int listener = -1;
    for (;;) {
        while (listener < 0) {
            listener = listen_at(port);
            delay(listener < 0 ? 1000 : 0);
        }
        Visit visit(listener);
        if (visit.read()) {
            serve(visit);
        }
    }
}

bool start(TaskFunction_t function, const char *name)
{
    return xTaskCreate(function, name, stack, nullptr, tskIDLE_PRIORITY + 1, nullptr) == pdPASS;
}

}  // namespace

namespace pages {

bool begin()
{
    return start(work<page_port, serve_page>, "page") && start(work<stream_port, serve_stream>, "stream");
}

bool restart_wanted()
{
    return wants_restart;
}

void say(const char *text)
{
    state = text;
}

}  // namespace pages
