#!/bin/sh
# For lfcp-device --on-picture: sends the picture to the chat that the server gave by TLGC. Needs curl.
# The token goes to curl on its stdin: every user of the machine may read arguments.
set -eu
: "${TELEGRAM_TOKEN:?no server has sent a bot token (TLGC) yet}"
: "${TELEGRAM_CHAT:?no server has sent a chat (TLGC) yet}"
curl --silent --show-error --fail --max-time 50 --output /dev/null \
  --form-string "chat_id=$TELEGRAM_CHAT" \
  --form-string "caption=$LFCP_NAME $LFCP_TEXT" \
  --form "photo=@\"$1\";type=image/jpeg" \
  --config - <<END
url = "${TELEGRAM_API:-https://api.telegram.org}/bot$TELEGRAM_TOKEN/sendPhoto"
END
