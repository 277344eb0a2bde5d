"""Records as the servers of a pair write them to each other."""

import json
from dataclasses import replace
from typing import Any

import pytest

from alarmd.adapters.peer import wire
from alarmd.adapters.peer.wire import MAX_PAGE, MAX_RECORDS, Wire
from alarmd.core.records import Camera, Command, CommandState, DeviceKey, Mark, Told
from alarmd.storage.vault import Vault
from tests.contracts.records import ALARM, CAMERA, COMMAND, DELIVERY, DEVICE, EVENT, KEY, SITE, ZONE

HERE, THERE = Wire(Vault(bytes(32))), Wire(Vault(bytes(32)))
MARK = Mark("log:A1", 5, "A", 6)
SECRET_COMMAND = replace(COMMAND, verb="SKEY", params=("hush hush",), state=CommandState.QUEUED)
EVERY_KIND = (
    Told(SITE),
    Told(ZONE, site="home"),
    Told(DEVICE, zone="garden", site="home"),
    Told(KEY, device="cam1"),
    Told(CAMERA, device="cam1"),
    Told(MARK),
    Told(ALARM, device="cam1", zone="garden"),
    Told(COMMAND, device="cam1"),
    Told(SECRET_COMMAND, device="cam1"),
    Told(EVENT, device="cam1", zone="garden"),
    Told(DELIVERY),
)


def page(*records: Told) -> bytes:
    (made,) = HERE.pages(records)
    assert made.records == len(records)
    return made.data


def rewritten(told: Told, change: Any) -> bytes:
    """A page with one record, changed as it stands there."""
    (one,) = json.loads(page(told))
    change(one)
    return json.dumps([one]).encode()


def refusal(told: Told, change: Any) -> str:
    reading = THERE.read(rewritten(told, change))
    assert reading.told == ()
    return reading.refused[0]


@pytest.mark.parametrize("told", EVERY_KIND, ids=lambda told: type(told.record).__name__)
def test_every_kind_of_record_arrives_as_it_was(told: Told) -> None:
    assert THERE.read(page(told)) == ((told,), ())


def test_texts_arrive_whatever_is_in_them() -> None:
    told = Told(replace(EVENT, text='Tür, "offen"\n🚪'))
    assert THERE.read(page(told)).told == (told,)


def test_no_secret_is_readable_in_a_page() -> None:
    assert isinstance(KEY, DeviceKey)
    assert isinstance(CAMERA, Camera)
    camera = replace(CAMERA, pull_url="http://user:geheim@192.0.2.1/")
    data = page(Told(KEY, device="cam1"), Told(camera, device="cam1"), Told(SECRET_COMMAND, device="cam1"))
    assert b"geheim" not in data
    assert b"hush" not in data
    assert KEY.secret.hex().encode() not in data


def test_a_secret_opens_with_the_key_of_the_pair_and_for_its_own_record_only() -> None:
    data = page(Told(KEY, device="cam1"))
    stranger = Wire(Vault(bytes(31) + b"x")).read(data)
    assert stranger == ((), ("key.secret: not sealed with the key of this pair",))
    moved = refusal(Told(KEY, device="cam1"), lambda one: one.update(device="cam2"))
    assert moved == "key.secret: not sealed with the key of this pair"
    assert refusal(Told(KEY, device="cam1"), lambda one: one["sealed"].update(secret=7)).startswith("key.secret")


def test_what_a_newer_version_has_more_is_ignored() -> None:
    def from_the_future(one: dict[str, Any]) -> None:
        one["colour"] = "blue"
        one["record"]["mood"] = ["calm"]

    assert THERE.read(rewritten(Told(EVENT), from_the_future)).told == (Told(EVENT),)
    unknown = json.dumps([{"kind": "weather", "record": {"rain": 1}}]).encode()
    assert THERE.read(unknown) == ((), ())


def test_what_an_older_version_lacks_is_its_default_or_named() -> None:
    assert isinstance(COMMAND, Command)
    told = Told(replace(COMMAND, sent_at=None))
    assert THERE.read(rewritten(told, lambda one: one["record"].pop("sent_at", None))).told == (told,)
    assert refusal(Told(EVENT), lambda one: one["record"].pop("kind")) == "event.kind: missing"


@pytest.mark.parametrize(
    ("told", "field", "value"),
    [
        (Told(EVENT), "sequence", "7"),
        (Told(EVENT), "sequence", True),
        (Told(EVENT), "sequence", 2**63),
        (Told(EVENT), "text", 7),
        (Told(EVENT), "text", "a\0b"),
        (Told(EVENT), "text", "\ud800"),
        (Told(ALARM), "kind", "boredom"),
        (Told(ALARM), "told", 1),
        (Told(DEVICE), "report_within", "soon"),
        (Told(DEVICE), "settings", "a"),
        (Told(DEVICE), "settings", [1]),
        (Told(KEY), "secret", "in the clear"),
    ],
)
def test_a_value_that_is_none_is_refused_by_name_and_not_shown(told: Told, field: str, value: Any) -> None:
    def change(one: dict[str, Any]) -> None:
        one["record"][field] = value
        one.pop("sealed", None)

    refused = refusal(told, change)
    assert refused.endswith(f".{field}: not what this version of alarmd knows")


@pytest.mark.parametrize("value", [b"[1]", b'[{"kind":"event"}]', b'[{"kind":"event","record":[]}]'])
def test_what_is_no_record_is_refused(value: bytes) -> None:
    assert THERE.read(value) == ((), ("a record is an object with a kind and a record",))


def test_names_and_seals_are_checked_as_well() -> None:
    assert refusal(Told(EVENT), lambda one: one.update(device=7)) == "device: not a text"
    assert refusal(Told(KEY), lambda one: one.update(sealed=7)) == "key.sealed: not an object"


@pytest.mark.parametrize("value", [b"", b"{}", b"\xff", b"[" * 100_000])
def test_what_is_no_page_is_an_error(value: bytes) -> None:
    with pytest.raises(ValueError):
        THERE.read(value)


def test_one_bad_record_does_not_keep_the_others_back() -> None:
    good, bad = json.loads(page(Told(EVENT), Told(ALARM)))
    del bad["record"]["id"]
    reading = THERE.read(json.dumps([bad, good]).encode())
    assert reading == ((Told(EVENT),), ("alarm.id: missing",))


def test_pages_are_bounded_in_bytes_and_records() -> None:
    long = [Told(replace(EVENT, sequence=number, text="x" * 5000)) for number in range(30)]
    short = [Told(replace(EVENT, sequence=number)) for number in range(MAX_RECORDS * 2 + 1)]
    for records in (long, short):
        pages = list(HERE.pages(records))
        assert all(len(one.data) <= MAX_PAGE and one.records <= MAX_RECORDS for one in pages)
        assert sum(one.records for one in pages) == len(records)
        assert [told for one in pages for told in THERE.read(one.data).told] == records
    assert list(HERE.pages([])) == []


def test_a_record_that_fits_no_page_is_left_out_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "MAX_PAGE", 1000)
    pages = list(HERE.pages([Told(replace(EVENT, text="x" * 2000)), Told(EVENT)]))
    assert sum(one.records for one in pages) == 2
    assert [THERE.read(one.data).told for one in pages] == [(Told(EVENT),)]
