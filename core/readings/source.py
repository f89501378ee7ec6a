"""Bytes to text: what is too large, an archive, a picture or a web page is refused before anything is spent on it."""

from __future__ import annotations

import codecs
import re
import stat
from pathlib import Path, PurePosixPath

from core.readings.issues import Findings, quote
from core.readings.options import MAX_FILE_BYTES, MAX_ROWS

EXTENSIONS = (".csv", ".txt", ".tsv")
OTHER_EXTENSIONS = (".xml", ".xlsx", ".xls", ".ods")
"""Of files that are no text table, and are read by their own grammar."""
EXPORT = "export the readings as CSV text"

_MAGIC: tuple[tuple[bytes, str, str], ...] = (
    (b"\x1f\x8b", "compressed_file", "compressed file (gzip), not CSV"),
    (b"BZh", "compressed_file", "compressed file (bzip2), not CSV"),
    (b"\xfd7zXZ\x00", "compressed_file", "compressed file (xz), not CSV"),
    (b"\x28\xb5\x2f\xfd", "compressed_file", "compressed file (zstd), not CSV"),
    (b"7z\xbc\xaf\x27\x1c", "archive", "archive (7z), not CSV"),
    (b"Rar!\x1a\x07", "archive", "archive (rar), not CSV"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "spreadsheet", "spreadsheet (Excel), not CSV"),
    (b"PAR1", "not_text", "not a text/CSV file (Parquet)"),
    (b"%PDF", "not_text", "not a text/CSV file (PDF)"),
    (b"\x89PNG\r\n\x1a\n", "not_text", "not a text/CSV file (PNG image)"),
    (b"\xff\xd8\xff", "not_text", "not a text/CSV file (JPEG image)"),
    (b"GIF8", "not_text", "not a text/CSV file (GIF image)"),
    (b"SQLite format 3\x00", "not_text", "not a text/CSV file (SQLite database)"),
    (b"MZ\x90\x00", "not_text", "not a text/CSV file (program)"),
    (b"\x7fELF", "not_text", "not a text/CSV file (program)"),
)
_MARKUP = re.compile(rb"\s*<(!doctype|html|head|body|table|\?xml|script|!--)", re.IGNORECASE)
_BOMS = (
    (codecs.BOM_UTF8, "utf-8", "UTF-8 with BOM"),
    (codecs.BOM_UTF16_LE, "utf-16-le", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16-be", "UTF-16"),
)


def bytes_of(content: bytes | Path, findings: Findings, *, any_kind: bool = False) -> bytes:
    """The file's bytes, refused unread when its name or size is out of bounds. any_kind: workbooks and XML too."""
    _check_name(findings, EXTENSIONS + OTHER_EXTENSIONS if any_kind else EXTENSIONS)
    if isinstance(content, bytes):
        _check_size(len(content), findings)
        return content
    try:
        status = content.stat()
        if not stat.S_ISREG(status.st_mode):
            raise findings.refusal("unreadable", "is a folder or a device, not a file", fix="name a CSV file")
        _check_size(status.st_size, findings)
        with content.open("rb") as file:
            found = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        reason = error.strerror or "unknown reason"
        fix = "check the name and the permissions"
        raise findings.refusal("unreadable", f"cannot be opened ({reason})", fix=fix) from error
    _check_size(len(found), findings)
    return found


def text_of(data: bytes, findings: Findings) -> tuple[str, str]:
    """The file's text with "\\n" line ends, and the name of its encoding."""
    if not data:
        raise findings.refusal("empty_file", "file is empty", fix="export it again")
    _check_kind(data, findings)
    rows = max(data.count(b"\n"), data.count(b"\r"))
    if rows > MAX_ROWS:
        raise findings.refusal(
            "too_many_rows", f"{rows:,} lines, above the limit of {MAX_ROWS:,}", fix="split the file"
        )
    text, encoding = _decode(data, findings)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not text.strip():
        raise findings.refusal("empty_file", "file is empty (blank lines only)", fix="export it again")
    return text, encoding


def _check_size(size: int, findings: Findings) -> None:
    if size > MAX_FILE_BYTES:
        what = f"{size:,} bytes, above the limit of {MAX_FILE_BYTES // 1_000_000} MB a file"
        raise findings.refusal("too_large", what, fix="split the file by household or time")


def _check_name(findings: Findings, extensions: tuple[str, ...]) -> None:
    suffix = PurePosixPath(findings.file).suffix.lower()
    if suffix not in extensions:
        raise findings.refusal(
            "file_type", f"file type not allowed: {quote(suffix or findings.file)}", fix="give files named *.csv"
        )


def _check_kind(data: bytes, findings: Findings) -> None:
    if data[:4] in (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08"):
        if b"[Content_Types].xml" in data[:4096] or b"xl/" in data[:4096]:
            raise findings.refusal("spreadsheet", "spreadsheet (Excel), not CSV", fix="save the sheet as CSV UTF-8")
        raise findings.refusal("archive", "archive (ZIP), not CSV", fix="unpack it and give the CSV files inside")
    for magic, code, what in _MAGIC:
        if data.startswith(magic):
            raise findings.refusal(
                code, what, fix="unpack it first" if code in ("compressed_file", "archive") else EXPORT
            )
    if data[257:262] == b"ustar":
        raise findings.refusal("archive", "archive (tar), not CSV", fix="unpack it and give the CSV files inside")
    if _MARKUP.match(data[:512].removeprefix(codecs.BOM_UTF8)):
        raise findings.refusal(
            "web_page", "web page or XML, not CSV", fix="download the CSV itself, not the page showing it"
        )


def _decode(data: bytes, findings: Findings) -> tuple[str, str]:
    if data.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        raise findings.refusal("encoding", "encoding UTF-32, need UTF-8", fix="save the file as CSV UTF-8")
    for bom, encoding, name in _BOMS:
        if data.startswith(bom):
            try:
                return data[len(bom) :].decode(encoding), name
            except UnicodeDecodeError as error:
                raise findings.refusal(
                    "encoding", f"not valid {encoding.upper()} at byte {error.start}", fix="export it again"
                ) from error
    if _looks_like_utf16(data):
        raise findings.refusal(
            "encoding", "looks like UTF-16 without a byte order mark, need UTF-8", fix="save it as CSV UTF-8"
        )
    if _looks_binary(data):
        raise findings.refusal("not_text", "not a text/CSV file", fix=EXPORT)
    try:
        return data.decode("utf-8"), "UTF-8"
    except UnicodeDecodeError:
        pass
    try:
        return data.decode("cp1252"), "Windows-1252"
    except UnicodeDecodeError as error:
        raise findings.refusal(
            "encoding", f"byte {error.start} is neither UTF-8 nor Windows-1252", fix="save the file as CSV UTF-8"
        ) from error


def _looks_like_utf16(data: bytes) -> bool:
    head = data[:400]
    return len(head) >= 20 and max(head[::2].count(0), head[1::2].count(0)) > len(head) // 4


def _looks_binary(data: bytes) -> bool:
    head = data[:4096]
    control = sum(byte < 32 and byte not in b"\t\n\r\f" for byte in head)
    return control > max(8, len(head) // 20)
