// The camera as a server: the control page and /capture at port 80, /stream at port 81. All of it asks for the user
// `admin` and the camera's password.
#pragma once

namespace pages {

// Once. False if there is no memory.
bool begin();

// The control page was sent in: restart when it suits.
bool restart_wanted();

// What the page says of the camera. The text must live for ever.
void say(const char *state);

}  // namespace pages
