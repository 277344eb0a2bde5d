"""What the two servers of a pair say beside records, and who they believe each other to be."""

from pathlib import Path

import pytest
from cryptography import x509

from alarmd.adapters.exit_codes import UNUSABLE_DATA, StartError
from alarmd.adapters.peer.authority import issue
from alarmd.adapters.peer.certificates import CERTIFICATE, Facts, Role, load_pair, save_pair
from alarmd.adapters.peer.commands import (
    MAX_NAMES,
    common_version,
    portions,
    read_names,
    read_vector,
    write_names,
    write_vector,
)
from alarmd.adapters.peer.papers import context_of, name_in


@pytest.mark.parametrize(
    ("oldest", "newest", "common"), [(1, 1, 1), (1, 9, 1), (0, 1, 1), (2, 9, None), (0, 0, None), (1, 0, None)]
)
def test_the_newest_version_that_both_speak_is_spoken(oldest: int, newest: int, common: int | None) -> None:
    assert common_version(oldest, newest) == common


def test_a_vector_arrives_as_it_was() -> None:
    vector = {("event", "A"): 1 << 60, ("alarm", "B"): 0}
    assert read_vector(write_vector(vector)) == vector
    assert read_vector(write_vector({})) == {}


@pytest.mark.parametrize("data", [b"", b"7", b"[7]", b'[["event","A"]]', b'[["event","A","soon"]]'])
def test_what_is_no_vector_is_an_error(data: bytes) -> None:
    with pytest.raises(ValueError):
        read_vector(data)


@pytest.mark.parametrize("data", [b"", b"{}", b"[7]", b'"cam1"'])
def test_what_is_no_list_of_names_is_an_error(data: bytes) -> None:
    with pytest.raises(ValueError):
        read_names(data)


def test_names_are_told_in_portions_that_fit() -> None:
    heard = {f"Kamera über der Tür {number}": number % 3 == 0 for number in range(3000)}
    told = list(portions(heard))
    assert len(told) > 1
    assert {name: is_heard for portion in told for name, is_heard in portion.items()} == heard
    assert all(len(write_names(portion)) <= MAX_NAMES for portion in told)
    assert [name for portion in told for name in read_names(write_names(portion))] == list(heard)
    assert list(portions({})) == []


def test_a_certificate_says_whose_it_is() -> None:
    papers, _ = issue(("A", "B"))
    assert name_in(x509.load_pem_x509_certificate(papers.certificate)) == "a.alarmd.internal"
    assert name_in(x509.load_pem_x509_certificate(papers.authority)) == ""


def test_certificates_that_cannot_be_used_end_the_start_with_what_to_do(tmp_path: Path) -> None:
    save_pair(tmp_path, Facts("ab" * 16, "A", "B", Role.LISTENS, None), issue(("A", "B"))[0], bytes(32))
    files = load_pair(tmp_path)
    assert files is not None
    context_of(files)
    (tmp_path / "pair" / CERTIFICATE).write_text("no certificate")
    with pytest.raises(StartError, match="alarmd peer init --renew") as failed:
        context_of(files)
    assert failed.value.code == UNUSABLE_DATA
