"""Which pictures a film shows, for how many frames each, and where cards tell of gaps. Pure: no file is looked at."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median_low

from alarmd.core.instant import SECOND
from alarmd.frames.film.errors import FilmError, FilmFault

MAX_PICTURES = 100_000  # 70 MB of their paths
MAX_CARDS = 100  # of the longest gaps
CARD_SECONDS = 2.0
LEAST_CARD_SECONDS = 0.8  # with less, nobody can read it
CARDS_SHARE = 3  # one frame in so many, at most, where the length is given
USUAL_FPS = 25
USUAL_GAP = 600 * SECOND
MISSED_TURNS = 4  # usual intervals without a picture that make a gap, for a camera that is slower than USUAL_GAP


@dataclass(frozen=True, slots=True)
class FilmPicture:
    """A JPEG file, and when it was taken, wall µs."""

    path: Path
    taken_at: int


@dataclass(frozen=True, slots=True)
class Gap:
    """A time without pictures, wall µs."""

    since: int
    until: int


@dataclass(frozen=True, slots=True)
class Shot:
    """What is seen for so many frames: a picture, or the card of a gap."""

    shown: FilmPicture | Gap
    frames: int


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for.

    seconds: the film's length; None: every picture is one frame. gap: µs without pictures that are a gap; None: see
    `usual_gap`. since, until: the time that the film is of, wall µs; a gap at its ends is one too. None: it begins, or
    ends, with the pictures.
    """

    fps: int = USUAL_FPS
    seconds: float | None = None
    gap: int | None = None
    since: int | None = None
    until: int | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """pictures: all there were, shown or not. gaps: all there were, with a card or not."""

    fps: int
    shots: tuple[Shot, ...]
    pictures: int
    gaps: int

    @property
    def frames(self) -> int:
        return sum(shot.frames for shot in self.shots)

    @property
    def shown(self) -> tuple[FilmPicture, ...]:
        return tuple(shot.shown for shot in self.shots if isinstance(shot.shown, FilmPicture))


def plan(pictures: Sequence[FilmPicture], wish: Wish) -> Plan:
    """Shown in the order they were taken in. With a length given, every picture is shown equally long, to a frame; if
    there are more than frames, evenly chosen ones are shown. Raises FilmError for no pictures and for too many."""
    _check(len(pictures))
    ordered = sorted(pictures, key=lambda picture: picture.taken_at)
    gaps = _gaps(ordered, wish)
    if wish.seconds is None:
        card, cards = round(CARD_SECONDS * wish.fps), _longest(gaps, MAX_CARDS)
        frames = len(ordered)
    else:
        total = max(1, round(wish.seconds * wish.fps))
        card, cards = _fitting(gaps, total, wish.fps)
        frames = total - card * len(cards)
    shots = _with_cards(_spread(ordered, frames), [Shot(gap, card) for gap in cards])
    return Plan(wish.fps, tuple(shots), len(ordered), len(gaps))


def usual_gap(times: Sequence[int]) -> int:
    """µs: ten minutes, or several of the usual intervals of a camera that takes pictures less often. times: sorted."""
    intervals = [later - earlier for earlier, later in pairwise(times)]
    return max(USUAL_GAP, MISSED_TURNS * median_low(intervals)) if intervals else USUAL_GAP


def parts(plan: Plan, frames: int) -> Iterator[tuple[Shot, ...]]:
    """The shots in runs of at least `frames` frames; the last one has what is left."""
    run: list[Shot] = []
    held = 0
    for shot in plan.shots:
        run.append(shot)
        held += shot.frames
        if held >= frames:
            yield tuple(run)
            run, held = [], 0
    if run:
        yield tuple(run)


def _check(count: int) -> None:
    if count == 0:
        raise FilmError(FilmFault.NO_PICTURES, "there are no pictures of that time")
    if count > MAX_PICTURES:
        text = f"these are more than {MAX_PICTURES:,} pictures; make films of shorter times"
        raise FilmError(FilmFault.TOO_MANY_PICTURES, text)


def _gaps(ordered: Sequence[FilmPicture], wish: Wish) -> list[Gap]:
    times = [picture.taken_at for picture in ordered]
    limit = usual_gap(times) if wish.gap is None else wish.gap
    first = times[0] if wish.since is None else wish.since
    last = times[-1] if wish.until is None else wish.until
    edges = zip([first, *times], [*times, last], strict=True)
    return [Gap(since, until) for since, until in edges if until - since > limit]


def _fitting(gaps: Sequence[Gap], total: int, fps: int) -> tuple[int, list[Gap]]:
    """Frames of each card, and the gaps that get one: cards become shorter before gaps go without."""
    room = total // CARDS_SHARE
    least = max(1, round(LEAST_CARD_SECONDS * fps))
    cards = _longest(gaps, min(MAX_CARDS, room // least))
    return (min(round(CARD_SECONDS * fps), room // len(cards)) if cards else 0), cards


def _longest(gaps: Sequence[Gap], count: int) -> list[Gap]:
    """In order of time."""
    chosen = sorted(gaps, key=lambda gap: gap.since - gap.until)[:count]
    return sorted(chosen, key=lambda gap: gap.since)


def _spread(ordered: Sequence[FilmPicture], frames: int) -> Iterator[Shot]:
    """As Bresenham draws a line: no two pictures differ by more than a frame, and the frames are used up."""
    count = min(len(ordered), frames)
    for place in range(count):
        picture = ordered[(2 * place + 1) * len(ordered) // (2 * count)]
        yield Shot(picture, (place + 1) * frames // count - place * frames // count)


def _with_cards(shots: Iterator[Shot], cards: Sequence[Shot]) -> Iterator[Shot]:
    waiting = list(reversed(cards))
    for shot in shots:
        while waiting and _begins(waiting[-1]) < _begins(shot):
            yield waiting.pop()
        yield shot
    yield from reversed(waiting)


def _begins(shot: Shot) -> int:
    return shot.shown.taken_at if isinstance(shot.shown, FilmPicture) else shot.shown.since
