"""The comment form while it arrives: text in memory, files to disk, and an end as soon as it is too much."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import parse_qs

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from gateway.desk.views import Upload
from gateway.web.downloads import plain_name
from gateway.web.settings import Limits

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

IN_MEMORY = 256 * 1024
MOST_PARTS = 100
OVERHEAD = 64 * 1024
"""Room for part headers and fields nobody reads, in octets."""


class TooLarge(Exception):
    """More came than is taken. field: text or files; empty when it cannot be told."""

    def __init__(self, field: str = "") -> None:
        self.field = field
        super().__init__(field)


class Unreadable(Exception):
    """The body is not what its Content-Type says."""


async def small_body(request: Request, octets: int = 4096) -> bytes:
    """A whole body of few octets. Raises TooLarge."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > octets:
            raise TooLarge
    return bytes(body)


class IncomingComment:
    """A comment with its files. Text that has arrived stays readable when the rest is refused.

    Used as a context manager: leaving it deletes the files.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._text = bytearray()
        self._files: list[_IncomingFile] = []
        self._folder: TemporaryDirectory[str] | None = None

    def __enter__(self) -> IncomingComment:
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._files:
            file.finish()
        if self._folder is not None:
            self._folder.cleanup()

    @property
    def text(self) -> str:
        """The text, lines ended by \\n."""
        return self._text.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n")

    @property
    def files(self) -> tuple[Upload, ...]:
        return tuple(file.finish() for file in self._files)

    async def read(self, request: Request) -> None:
        """Reads the body of a request. Raises TooLarge, Unreadable. RFC 7578."""
        kind, options = parse_options_header(request.headers.get("content-type"))
        if kind == b"application/x-www-form-urlencoded":
            await self._read_urlencoded(request)
        elif kind == b"multipart/form-data" and b"boundary" in options:
            await self._read_multipart(request, options[b"boundary"])
        else:
            raise Unreadable

    async def _read_urlencoded(self, request: Request) -> None:
        try:
            body = await small_body(request, 3 * self._limits.text_octets + OVERHEAD)
            fields = parse_qs(body.decode("utf-8", "replace"), errors="replace", max_num_fields=100)
        except TooLarge:
            raise TooLarge("text") from None
        except ValueError:
            raise Unreadable from None
        self.add_text(fields.get("text", [""])[0].encode("utf-8", "replace"))

    async def _read_multipart(self, request: Request, boundary: bytes) -> None:
        ceiling = self._limits.file_octets + self._limits.text_octets + OVERHEAD
        try:
            parser = MultipartParser(boundary, _Parts(self).callbacks())
            async for chunk in request.stream():
                ceiling -= len(chunk)
                parser.write(chunk)
                if ceiling < 0:
                    raise TooLarge
            parser.finalize()
        except FormParserError:
            raise Unreadable from None

    def add_text(self, data: bytes) -> None:
        self._text += data
        if len(self._text) > self._limits.text_octets:
            raise TooLarge("text")

    def add_file(self, name: str, content_type: str) -> None:
        if len(self._files) >= self._limits.files:
            raise TooLarge("files")
        self._files.append(_IncomingFile(name, content_type))

    def add_octets(self, data: bytes) -> None:
        """More octets of the newest file. Goes to disk, unsynced, when the file is not small."""
        if sum(file.size for file in self._files) + len(data) > self._limits.file_octets:
            raise TooLarge("files")
        file = self._files[-1]
        if file.size + len(data) > IN_MEMORY and file.path is None:
            self._folder = self._folder or TemporaryDirectory(prefix="helpgate-upload-")
            file.to_disk(Path(self._folder.name) / str(len(self._files)))
        file.write(data)


class _IncomingFile:
    def __init__(self, name: str, content_type: str) -> None:
        self._name = plain_name(name)
        self._content_type = content_type
        self._memory = bytearray()
        self._disk: BinaryIO | None = None
        self.path: Path | None = None
        self.size = 0

    def to_disk(self, path: Path) -> None:
        self.path = path
        self._disk = path.open("wb")
        self._disk.write(self._memory)
        self._memory.clear()

    def write(self, data: bytes) -> None:
        self.size += len(data)
        if self._disk is None:
            self._memory += data
        else:
            self._disk.write(data)

    def finish(self) -> Upload:
        if self._disk is not None:
            self._disk.close()
        return Upload(self._name, self._content_type, self.path or bytes(self._memory), self.size)


class _Parts:
    """Hands the parts of a multipart body on: `text` as text, `files` as files, the rest nowhere."""

    def __init__(self, comment: IncomingComment) -> None:
        self._comment = comment
        self._name = self._value = b""
        self._headers: dict[bytes, bytes] = {}
        self._sink = self._nowhere
        self._left = MOST_PARTS

    def callbacks(self) -> MultipartCallbacks:
        return {
            "on_part_begin": self._part_begin,
            "on_header_field": self._header_field,
            "on_header_value": self._header_value,
            "on_header_end": self._header_end,
            "on_headers_finished": self._headers_finished,
            "on_part_data": self._part_data,
        }

    def _part_begin(self) -> None:
        self._headers = {}
        self._left -= 1
        if self._left < 0:
            raise TooLarge("files")

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        self._headers[self._name.lower()] = self._value
        self._name = self._value = b""

    def _headers_finished(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition"))
        field, filename = options.get(b"name"), options.get(b"filename")
        self._sink = self._nowhere
        if field == b"text" and filename is None:
            self._sink = self._comment.add_text
        elif field == b"files" and filename:
            content_type = self._headers.get(b"content-type", b"").decode("latin-1")
            self._comment.add_file(filename.decode("utf-8", "replace"), content_type)
            self._sink = self._comment.add_octets

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        self._sink(data[start:end])

    def _nowhere(self, data: bytes) -> None:
        """An empty file field, or a field of something else."""
