"""What senders in the field are known to do to a good picture, undone. Nothing else is guessed.

- The stop-motion camera (Arduino) loses the first byte, FF, and sends a stray one after the last.
- The PrusaConnect camera's successor sends CR LF CR LF after the body; ESP32 programs send the zeros of a buffer.
  T.81 lets a picture end at its end marker, so what follows is none of it.
"""

from dataclasses import dataclass, field

from alarmd.frames.markers import SOI, Outline, outline

LOST = SOI[:1]
WITHOUT_IT = SOI[1:] + b"\xff"


@dataclass(frozen=True, slots=True)
class Mended:
    data: bytes = field(repr=False)
    outline: Outline
    repair: str  # what was done, in words; empty: nothing


def mend(data: bytes) -> Mended:
    """The picture alone, from its start to its end marker. Raises PictureRefusedError."""
    lost_first = data.startswith(WITHOUT_IT)
    whole = LOST + data if lost_first else data
    found = outline(whole)
    repairs = ["first byte restored"] if lost_first else []
    if surplus := len(whole) - found.end:
        repairs.append(f"{surplus} {'byte' if surplus == 1 else 'bytes'} after the end removed")
    return Mended(whole[: found.end], found, ", ".join(repairs))
