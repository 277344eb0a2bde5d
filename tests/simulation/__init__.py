"""One server, many devices, a bad network and crashes under one virtual clock; a seed makes a run reproducible."""
