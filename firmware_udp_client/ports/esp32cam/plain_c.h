// The library and the logic are C.
#pragma once

#include <netinet/in.h>  // outside of extern "C", whatever they include on the chip
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/poll.h>
#include <sys/socket.h>

extern "C" {
#include <bounded_text.h>
#include <lfcp_client.h>
#include <lfcp_motion.h>
#include <lfcp_path.h>
#include <path_sockets.h>
#include <picture_uploads.h>
#include <udp_servers.h>

#include "src/logic/camera_settings.h"
#include "src/logic/config.h"
#include "src/logic/control_page.h"
#include "src/logic/crypto_esp32.h"
#include "src/logic/http_page.h"
#include "src/logic/http_request.h"
#include "src/logic/http_upload.h"
#include "src/logic/luma.h"
#include "src/logic/multipart.h"
#include "src/logic/picture_schedule.h"
#include "src/logic/uplink.h"
#include "src/logic/url.h"
}
