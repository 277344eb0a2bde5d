"""Fuzz the reading of LFCP with atheris, from the corpus and the golden frames on.

python tests/fuzz/run.py --seconds 600                  what it finds is forgotten, a failure is kept in crash-*
python tests/fuzz/run.py --seconds 600 --found DIR      inputs that reach new code are kept in DIR
python tests/fuzz/run.py --minimise DIR                 add to the corpus what DIR reaches beyond it
"""

import argparse
import importlib
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
CORPUS = HERE / "corpus"
MAX_LENGTH = 300  # bytes; a frame has 128, and lines are cut from the rest
sys.path.insert(0, str(HERE.parents[1]))


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--seconds", type=int, default=60)
    options.add_argument("--found", type=Path)
    options.add_argument("--minimise", type=Path, metavar="DIR")
    given, own = options.parse_known_args()  # libFuzzer starts this program again, with options of its own, to merge
    try:
        atheris = importlib.import_module("atheris")
    except ModuleNotFoundError:
        sys.exit("fuzzing needs atheris: pip install atheris (or pip install -e '.[fuzz]')")
    with atheris.instrument_imports(include=["lfcp"]):
        target = importlib.import_module("tests.fuzz.target")
    with tempfile.TemporaryDirectory() as scratch:
        arguments = own or fuzzer_arguments(given, Path(scratch))
        myself = f"{sys.executable} {Path(__file__).resolve()}"  # a shell runs this to merge
        atheris.Setup([myself, f"-max_len={MAX_LENGTH}", *arguments], target.try_input)
        atheris.Fuzz()


def fuzzer_arguments(given: argparse.Namespace, scratch: Path) -> list[str]:
    """libFuzzer writes what it finds into the first folder and reads all of them."""
    if given.minimise:
        return ["-merge=1", str(CORPUS), str(given.minimise)]
    found, golden = given.found or scratch / "found", scratch / "golden"
    for folder in (found, golden):
        folder.mkdir(parents=True, exist_ok=True)
    write_golden_frames(golden)
    return [f"-max_total_time={given.seconds}", str(found), str(CORPUS), str(golden)]


def write_golden_frames(folder: Path) -> None:
    vectors = importlib.import_module("tests.protocol.vectors")
    for path in sorted(vectors.FOLDER.iterdir()):
        for number, vector in enumerate(vectors.load(path.stem)):
            if "frame" in vector:
                (folder / f"{path.stem}-{number}").write_bytes(vectors.frame_of(vector)[:MAX_LENGTH])


if __name__ == "__main__":
    main()
