"""protocol/vectors/*.json as tables in C: make_vectors.py FOLDER OUTPUT."""

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

Vector = dict[str, Any]
PARAMETERS = 6

HEAD = """/* Made of protocol/vectors by make_vectors.py. */
#include "lfcp_signing.h"
#include "lfcp_upload.h"

typedef struct bytes {
    const char *at;
    size_t length;
} bytes;

/* A frame and how it is read; times: how often its text is repeated. reason: LFCP_OK, or why it is refused. */
typedef struct read_vector {
    const char *why;
    bytes frame;
    size_t times;
    lfcp_status reason;
    const char *name;
    const char *verb;
    const char *params[LFCP_PARAMETERS];
} read_vector;

/* Fields and the frame that they make, or why they make none. */
typedef struct sent_vector {
    const char *why;
    const char *name;
    const char *verb;
    bytes params[8];
    size_t count;
    const char *frame;
    lfcp_status reason;
} sent_vector;

/* The key of a signed or sealed vector. */
typedef struct vector_key {
    const char *text;
    lfcp_purpose purpose;
    lfcp_way way;
    char label;
} vector_key;

typedef struct sub_key_vector {
    const char *why;
    vector_key key;
    const char *sub_key;
} sub_key_vector;

typedef struct key_text_vector {
    const char *why;
    bytes text;
    const char *key;
    lfcp_status reason;
} key_text_vector;

typedef struct signed_vector {
    sent_vector sent;
    vector_key key;
    uint64_t counter;
} signed_vector;

typedef struct signed_read_vector {
    const char *why;
    bytes frame;
    vector_key key;
    lfcp_status reason;
} signed_read_vector;

typedef struct sealed_vector {
    const char *why;
    vector_key key;
    uint64_t counter;
    const char *name;
    const char *verb;
    unsigned at;
    const char *text;
    bytes field;
    lfcp_status reason;
} sealed_vector;

typedef struct counters_vector {
    const char *why;
    uint64_t opened_at;
    uint64_t counters[80];
    bool is_new[80];
    size_t count;
} counters_vector;

typedef struct digest_vector {
    const char *why;
    bool given[32];
    int32_t values[32];
    const char *digest;
} digest_vector;

/* A tunnel datagram of a side, its body and key in hexadecimal. */
typedef struct tunnel_vector {
    const char *why;
    const char *key;
    uint64_t session;
    unsigned role;
    uint64_t counter;
    uint8_t kind;
    const char *body;
    const char *datagram;
} tunnel_vector;

typedef struct tunnel_key_vector {
    const char *why;
    const char *key;
    const char *tunnel_keys[2]; /* of each role */
} tunnel_key_vector;

/* A HELLO; round 0: it is none. */
typedef struct hello_vector {
    const char *why;
    bytes text;
    unsigned round;
    unsigned attempt;
    char mapping;
    bool many_sockets;
    unsigned count;
    struct {
        char kind;
        const char *address;
    } candidates[LFCP_MAX_CANDIDATES];
} hello_vector;

typedef struct candidate_vector {
    const char *why;
    const char *public_address;
    const char *candidate;
    bool allowed;
} candidate_vector;

/* A line of FRAM and what it announces. */
typedef struct part_vector {
    const char *why;
    const char *line;
    const char *upload;
    uint32_t offset;
    uint32_t total;
    const char *digest;
    lfcp_trigger trigger;
} part_vector;
"""


def quoted(text: str) -> str:
    """A C string; each character is one byte, all but plain ones in octal, which cannot run into the next."""
    return '"' + "".join(c if c.isascii() and c.isalnum() else f"\\{ord(c):03o}" for c in text) + '"'


def counted(text: str) -> str:
    return f"{{{quoted(text)}, {len(text)}}}"


def listed(items: Iterable[str]) -> str:
    return "{" + ", ".join(items) + "}"


def counter(text: str) -> str:
    return f"UINT64_C(0x{text})"


def reason(vector: Vector) -> str:
    """`unsigned` is the server's word; the library's status says the same of a frame without a signature."""
    code = vector.get("reason", "ok")
    return "LFCP_NOT_SIGNED" if code == "unsigned" else f"LFCP_{code.upper()}"


def read(vector: Vector, strict: bool) -> str:
    said = vector.get("message") if strict or "reason" not in vector else None
    words = said or {"name": "", "verb": "", "params": []}
    params = listed(map(quoted, words["params"])) if said else "{0}"
    frame = counted(vector["frame"])
    parts = (frame, str(vector.get("times", 1)), reason(vector), quoted(words["name"]), quoted(words["verb"]), params)
    return listed((quoted(vector["why"]), *parts))


def sent(vector: Vector) -> str:
    params = listed(map(counted, vector["params"])) if vector["params"] else "{{0}}"
    parts = (quoted(vector["name"]), quoted(vector["verb"]), params, str(len(vector["params"])))
    return listed((quoted(vector["why"]), *parts, quoted(vector.get("frame", "")), reason(vector)))


def key(vector: Vector, purpose: str) -> str:
    way = {"U": "LFCP_WAY_UP", "D": "LFCP_WAY_DOWN"}[vector["way"]]
    return listed((quoted(vector["key"]), f"LFCP_PURPOSE_{purpose.upper()}", way, f"'{vector['label']}'"))


def sub_key(vector: Vector) -> str:
    return listed((quoted(vector["why"]), key(vector, vector["purpose"]), quoted(vector["sub_key"])))


def key_text(vector: Vector) -> str:
    return listed((quoted(vector["why"]), counted(vector["text"]), quoted(vector.get("key", "")), reason(vector)))


def signed(vector: Vector) -> str:
    return listed((sent(vector), key(vector, "tag"), counter(vector["counter"])))


def signed_read(vector: Vector) -> str:
    return listed((quoted(vector["why"]), counted(vector["frame"]), key(vector, "tag"), reason(vector)))


def sealed(vector: Vector) -> str:
    where = (counter(vector["counter"]), quoted(vector["name"]), quoted(vector["verb"]), str(vector["at"]))
    said = (quoted(vector.get("text", "")), counted(vector["field"]), reason(vector))
    return listed((quoted(vector["why"]), key(vector, "seal"), *where, *said))


def counters(vector: Vector) -> str:
    numbers = listed(map(counter, vector["counters"]))
    is_new = listed(str(int(new)) for new in vector["new"])
    return listed(
        (quoted(vector["why"]), counter(vector.get("opened_at", "0")), numbers, is_new, str(len(vector["counters"])))
    )


def digest(vector: Vector) -> str:
    """Each setting by its number, which is its place in the table."""
    settings = vector["settings"]
    given = [f"[LFCP_VECTOR_{name}] = true" for name in settings] or ["false"]
    values = [f"[LFCP_VECTOR_{name}] = {value}" for name, value in settings.items()] or ["0"]
    return listed((quoted(vector["why"]), listed(given), listed(values), quoted(vector["digest"])))


def part(vector: Vector) -> str:
    said = vector["part"]
    trigger = f"LFCP_TRIGGER_{said['trigger'].upper()}"
    numbers = (str(said["offset"]), str(said["total"]))
    texts = map(quoted, (vector["why"], vector["line"], said["upload"]))
    return listed((*texts, *numbers, quoted(said["digest"]), trigger))


def tunnel(vector: Vector) -> str:
    said = (str(vector.get("counter", 0)), str(vector.get("kind", 0)), quoted(vector.get("body", "")))
    where = (quoted(vector["session_key"]), counter(vector["session"]), str(vector["role"]))
    return listed((quoted(vector["why"]), *where, *said, quoted(vector["datagram"])))


def tunnel_keys(vector: Vector) -> str:
    keys = listed(quoted(vector[f"tunnel_key_of_role_{role}"]) for role in (0, 1))
    return listed((quoted(vector["why"]), quoted(vector["session_key"]), keys))


def hello(vector: Vector) -> str:
    said = vector["hello"] or {"round": 0, "attempt": 0, "mapping": "u", "many_sockets": False, "candidates": []}
    numbers = (str(said["round"]), str(said["attempt"]), f"'{said['mapping']}'", str(int(said["many_sockets"])))
    named = [listed((f"'{each['kind']}'", quoted(address(each)))) for each in said["candidates"]] or ["{0}"]
    count = str(len(said["candidates"]))
    return listed((quoted(vector["why"]), counted(vector["text"]), *numbers, count, listed(named)))


def address(candidate: Vector) -> str:
    host = f"[{candidate['host']}]" if ":" in candidate["host"] else candidate["host"]
    return f"{host}:{candidate['port']}"


def candidate(vector: Vector) -> str:
    texts = map(quoted, (vector["why"], vector["public"], vector["candidate"]))
    return listed((*texts, str(int(vector["allowed"]))))


def is_sent(vector: Vector) -> bool:
    """A device sends it, without a key."""
    return vector["part"] is not None and vector["line"].endswith(",0,0")


def table(kind: str, name: str, rows: Iterable[str]) -> str:
    return f"\nstatic const {kind} {name}[] = {{\n" + "".join(f"    {row},\n" for row in rows) + "};\n"


def main(folder: Path, output: Path) -> None:
    def of(name: str, section: str = "vectors") -> list[Vector]:
        loaded: list[Vector] = json.loads((folder / f"{name}.json").read_text(encoding="ascii"))[section]
        return loaded

    strictly = [read(vector, strict=True) for vector in of("strict")]
    deviating = [vector for name in ("refused", "lenient", "seed_device") for vector in of(name)]
    parts = [
        HEAD,
        "\nenum {\n#define NUMBER_OF(name, least, greatest) LFCP_VECTOR_##name,\n    LFCP_SETTINGS(NUMBER_OF)\n};\n",
        table("read_vector", "read_vectors", strictly + [read(vector, strict=False) for vector in deviating]),
        table("sent_vector", "sent_vectors", map(sent, of("sent"))),
        table("sub_key_vector", "sub_key_vectors", map(sub_key, of("signed", "sub_keys"))),
        table("key_text_vector", "key_text_vectors", map(key_text, of("signed", "key_texts"))),
        table("signed_vector", "signed_vectors", map(signed, of("signed") + of("signed", "not_sent"))),
        table("signed_read_vector", "signed_read_vectors",
              map(signed_read, of("signed") + of("signed", "only_read") + of("signed", "refused"))),
        table("sealed_vector", "sealed_vectors", map(sealed, of("sealed") + of("sealed", "refused"))),
        table("counters_vector", "counters_vectors", map(counters, of("counters"))),
        table("digest_vector", "digest_vectors", map(digest, of("digests"))),
        table("tunnel_vector", "tunnel_vectors", map(tunnel, of("tunnel"))),
        table("tunnel_vector", "tunnel_refused_vectors", map(tunnel, of("tunnel", "refused"))),
        table("tunnel_key_vector", "tunnel_key_vectors", map(tunnel_keys, of("tunnel", "keys"))),
        table("hello_vector", "hello_vectors", map(hello, of("hellos"))),
        table("candidate_vector", "candidate_vectors", map(candidate, of("candidates"))),
        table("part_vector", "part_vectors", map(part, filter(is_sent, of("uploads")))),
    ]  # fmt: skip
    output.write_text("".join(parts), encoding="ascii")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
