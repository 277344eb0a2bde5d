"""Golden frames: the same files bind every implementation of LFCP."""

import re
from pathlib import Path

import pytest

from lfcp import (
    STRICT,
    TOLERANT,
    Leniency,
    ProtocolError,
    Reason,
    Verb,
    decode,
    encode,
    encode_rows,
    read_report,
)
from tests.protocol.vectors import FOLDER, Vector, each_of, frame_of, load, message_of, said_by

SIGNED_REASONS = {Reason.BAD_TAG, Reason.BAD_SEAL, Reason.BAD_KEY}  # have their own vectors
UNSIGNED = ("strict", "lenient", "refused", "sent", "rows", "seed_device")


@each_of("strict")
def test_a_frame_by_the_book_needs_no_leniency(vector: Vector) -> None:
    for leniencies in (STRICT, TOLERANT):
        message = decode(frame_of(vector), leniencies)
        assert said_by(message) == message_of(vector)
        assert message.leniencies == frozenset()


@each_of("lenient")
def test_a_deviation_is_read_with_exactly_the_leniencies_that_it_needs(vector: Vector) -> None:
    needed = frozenset(map(Leniency, vector["leniencies"]))
    for leniencies in (needed, TOLERANT):
        message = decode(frame_of(vector), leniencies)
        assert said_by(message) == message_of(vector)
        assert message.leniencies == needed


@each_of("lenient")
def test_a_deviation_is_refused_by_a_strict_receiver_with_its_name(vector: Vector) -> None:
    with pytest.raises(ProtocolError) as refused:
        decode(frame_of(vector), STRICT)
    assert refused.value.reason == vector["reason"]


@each_of("lenient")
def test_a_deviation_is_refused_when_any_leniency_that_it_needs_is_missing(vector: Vector) -> None:
    for missing in vector["leniencies"]:
        with pytest.raises(ProtocolError) as refused:
            decode(frame_of(vector), TOLERANT - {Leniency(missing)})
        assert refused.value.reason == missing


@each_of("refused")
def test_a_malformed_frame_is_refused_by_everybody(vector: Vector) -> None:
    for leniencies in (STRICT, TOLERANT):
        with pytest.raises(ProtocolError) as refused:
            decode(frame_of(vector), leniencies)
        assert refused.value.reason == vector["reason"]


@each_of("seed_device")
def test_the_2020_camera_is_understood(vector: Vector) -> None:
    message = decode(frame_of(vector), TOLERANT)
    assert said_by(message) == message_of(vector)
    assert message.leniencies == frozenset(vector["leniencies"])


@each_of("seed_device")
def test_the_2020_camera_is_refused_by_a_strict_receiver_where_it_deviates(vector: Vector) -> None:
    if "reason" not in vector:
        assert said_by(decode(frame_of(vector), STRICT)) == message_of(vector)
        return
    with pytest.raises(ProtocolError) as refused:
        decode(frame_of(vector), STRICT)
    assert refused.value.reason == vector["reason"]


@each_of("sent")
def test_what_is_sent_stays_within_the_limits(vector: Vector) -> None:
    fields = (vector["name"], vector["verb"], *vector["params"])
    if "frame" in vector:
        assert encode(*fields) == frame_of(vector)
        return
    with pytest.raises(ProtocolError) as refused:
        encode(*fields)
    assert refused.value.reason == vector["reason"]


@each_of("rows")
def test_rows_are_padded_and_never_carry_a_secret(vector: Vector) -> None:
    fields = (vector["name"], vector["verb"], *vector["params"])
    if "frame" in vector:
        assert encode_rows(*fields) == frame_of(vector)
        return
    with pytest.raises(ProtocolError) as refused:
        encode_rows(*fields)
    assert refused.value.reason == vector["reason"]


@each_of("reports")
def test_a_report_is_read_whole_or_not_at_all(vector: Vector) -> None:
    report = read_report(decode(frame_of(vector), TOLERANT))
    assert (report._asdict() if report else None) == vector["report"]


def test_every_verb_every_leniency_and_every_reason_has_a_vector() -> None:
    seen = [vector for name in UNSIGNED for vector in load(name)]
    verbs = {vector["message"]["verb"] for vector in load("strict")}
    leniencies = {word for vector in load("lenient") for word in vector["leniencies"]}
    reasons = {vector["reason"] for vector in seen if "reason" in vector}
    assert verbs == set(Verb)
    assert leniencies == set(Leniency)
    assert reasons == set(Reason) - {Reason.LINE_TOO_LONG} - SIGNED_REASONS  # the first is of a stream


def test_no_file_of_vectors_is_forgotten() -> None:
    tests = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*.py"))
    read = set(re.findall(r'(?:each_of|load)\("(\w+)"', tests))
    assert {path.stem for path in FOLDER.iterdir()} == read
