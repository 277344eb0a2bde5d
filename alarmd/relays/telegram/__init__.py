"""The destination "telegram": a message for each alarm in each chat, changed as the alarm changes."""
