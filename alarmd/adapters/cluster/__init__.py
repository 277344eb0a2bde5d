"""One of several servers on one PostgreSQL. Devices come with their datagrams, and leave when another hears them."""
