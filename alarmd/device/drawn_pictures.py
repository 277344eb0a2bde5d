"""Pictures of a camera that does not exist: its name, a number, and something that moves."""

import io

from PIL import Image, ImageDraw

WIDTH, HEIGHT = 320, 240
STEP = 16  # pixels from one picture to the next
SIZE = 48


def drawn(name: str, number: int) -> bytes:
    """A JPEG of a few kB, the same for the same arguments."""
    image = Image.new("RGB", (WIDTH, HEIGHT), (24, 32, 40))
    draw = ImageDraw.Draw(image)
    left = number * STEP % (WIDTH - SIZE)
    draw.ellipse((left, 120, left + SIZE, 120 + SIZE), fill=(240, 180, 40))
    draw.text((12, 12), f"{name}\n{number}", fill=(220, 220, 220))
    into = io.BytesIO()
    image.save(into, "JPEG")
    return into.getvalue()
