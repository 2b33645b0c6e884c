"""Files of records: read one by one, bad ones skipped or set aside; written so that half a file never appears."""

from __future__ import annotations

from pydantic_serialization.bulk.content import Content, looks_like_pickle, open_content
from pydantic_serialization.bulk.naming import STANDARD_STREAM, RecordFormat, codec_of, format_of, parse_compression
from pydantic_serialization.bulk.output import atomic_output
from pydantic_serialization.bulk.problems import BadRecord, describe_error
from pydantic_serialization.bulk.reader import OnError, RecordReader, read_records
from pydantic_serialization.bulk.writer import RecordWriter, write_records

__all__ = [
    "STANDARD_STREAM",
    "BadRecord",
    "Content",
    "OnError",
    "RecordFormat",
    "RecordReader",
    "RecordWriter",
    "atomic_output",
    "codec_of",
    "describe_error",
    "format_of",
    "looks_like_pickle",
    "open_content",
    "parse_compression",
    "read_records",
    "write_records",
]
