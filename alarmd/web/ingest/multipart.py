"""The one file of a multipart/form-data body (RFC 7578), as browsers, curl -F and many cameras send it."""

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from alarmd.web.ingest.gathered import BLOCK, Gathered
from alarmd.web.ingest.messages import UploadRefusedError

FORM = "multipart/form-data"
MAX_PARTS = 16  # the file, and fields that nobody reads
MAX_CONTENT_TYPE = 500  # characters; a header full of parameters would take the loop 15 ms
MAX_BOUNDARY = 70  # characters, RFC 2046 section 5.1.1


def file_in(body: bytes, content_type: str) -> bytes:
    """The bytes of the part that has a file name, or of the only part. Raises UploadRefusedError. 16 MB of what looks
    most like boundaries take 0.1 s, mostly of Python: other threads may run."""
    parts = _parse(body, content_type)
    files = [part.data for part in parts if part.is_file] or [part.data for part in parts]
    if len(files) != 1:
        raise UploadRefusedError(
            400, "one_file", "body", f"the form has {len(files)} files; send one picture in each request"
        )
    return files[0].whole()


class _Part:
    def __init__(self) -> None:
        self.data = Gathered()
        self.is_file = False


class _Form:
    """Collects what the parser finds."""

    def __init__(self) -> None:
        self.parts: list[_Part] = []
        self.ended = False
        self._name = b""
        self._value = b""

    def on_part_begin(self) -> None:
        if len(self.parts) >= MAX_PARTS:
            raise UploadRefusedError(400, "malformed_form", "body", f"the form may have {MAX_PARTS} parts")
        self.parts.append(_Part())

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        self.parts[-1].data.add(data[start:end])

    def on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def on_header_end(self) -> None:
        if self._name.lower() == b"content-disposition":
            options = parse_options_header(self._value)[1]
            self.parts[-1].is_file = b"filename" in options
        self._name = self._value = b""

    def on_end(self) -> None:
        self.ended = True


def _parse(body: bytes, content_type: str) -> list[_Part]:
    said = content_type if len(content_type) <= MAX_CONTENT_TYPE else ""
    boundary = parse_options_header(said)[1].get(b"boundary", b"")
    if not 0 < len(boundary) <= MAX_BOUNDARY:
        raise UploadRefusedError(
            400,
            "malformed_form",
            "Content-Type",
            f"a form needs a boundary of 1 to {MAX_BOUNDARY} characters, in a header of {MAX_CONTENT_TYPE} at most",
        )
    form = _Form()
    callbacks = {name: getattr(form, name) for name in dir(form) if name.startswith("on_")}
    parser = MultipartParser(boundary, callbacks)  # type: ignore[arg-type]  # its TypedDict, made of the class above
    try:
        for start in range(0, len(body), BLOCK):
            parser.write(body[start : start + BLOCK])
    except FormParserError:
        raise UploadRefusedError(400, "malformed_form", "body", "the form cannot be read") from None
    if not form.ended:
        raise UploadRefusedError(400, "malformed_form", "body", "the form ends before its last boundary")
    return form.parts
