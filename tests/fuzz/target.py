"""What must hold for any bytes from the network, as one function: a fuzzer calls it, and a test with the corpus."""

from lfcp import STRICT, TOLERANT, LineBuffer, Message, ProtocolError, decode, encode, escape, read_report
from lfcp.constants import PARAMETERS

LINE_LIMIT = 32


def try_input(data: bytes) -> None:
    """Raises AssertionError, or whatever the parser lets slip, if something does not hold."""
    tolerant, strict = _read(data, tolerant=True), _read(data, tolerant=False)
    if tolerant is None:
        assert strict is None
    else:
        _check_message(tolerant)
        assert (strict == tolerant) is (not tolerant.leniencies)
        _check_written_again(tolerant)
    _check_lines(data)


def _read(data: bytes, *, tolerant: bool) -> Message | None:
    try:
        return decode(data, TOLERANT if tolerant else STRICT)
    except ProtocolError:
        return None


def _check_message(message: Message) -> None:
    assert len(message.params) == PARAMETERS
    for field in (message.name, message.verb, *message.params):
        assert field.isprintable()
        assert "," not in field
        assert escape(field) == field
    report = read_report(message)
    assert report is None or not message.leniencies or report.interval is None or report.interval > 0


def _check_written_again(message: Message) -> None:
    try:
        frame = encode(message.name, message.verb, *message.params)
    except ProtocolError:
        return
    again = decode(frame, STRICT)
    assert again[:3] == message[:3]
    assert read_report(again) == read_report(message) or message.leniencies


def _check_lines(data: bytes) -> None:
    """Cut where the bytes themselves say; the lines are those of the uncut stream."""
    cut = data[0] % (len(data) + 1) if data else 0
    assert _lines([data[:cut], data[cut:]]) == _lines([data])


def _lines(chunks: list[bytes]) -> tuple[list[bytes], bool]:
    buffer = LineBuffer(LINE_LIMIT)
    lines: list[bytes] = []
    try:
        for chunk in chunks:
            lines += buffer.feed(chunk)
        lines += buffer.feed(b"")
    except ProtocolError:
        return lines, True
    return lines, False
