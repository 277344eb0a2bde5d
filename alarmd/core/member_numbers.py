"""Numbers that several servers on one database give out without asking each other: each has every sixteenth."""

MEMBERS = 16  # servers that share a database at a time, at most


def following(member: int | None, last: int) -> int:
    """The next number after `last` that is this member's: those that leave the remainder `member`. None: this server is
    alone on its database, and every number is its own."""
    return last + 1 if member is None else last + 1 + (member - last - 1) % MEMBERS
