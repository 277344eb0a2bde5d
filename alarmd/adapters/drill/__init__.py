"""A test alarm that goes all the way: from a device of its own over UDP to everybody who is told, and back."""
