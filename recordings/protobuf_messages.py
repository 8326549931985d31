"""The Protocol Buffers messages of an MCAP file: Foxglove's film, and a row of any columns."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, timestamp_pb2

PROTOBUF = "protobuf"
"""How MCAP names the encoding of messages and schemas."""
NANOSECONDS = 10**9

Field = descriptor_pb2.FieldDescriptorProto
OF_KIND = {
    "float32": Field.TYPE_FLOAT,
    "float64": Field.TYPE_DOUBLE,
    "int64": Field.TYPE_INT64,
    "int32": Field.TYPE_INT32,
    "bool": Field.TYPE_BOOL,
    "string": Field.TYPE_STRING,
}
"""Types of columns that a row can hold, each without loss."""


class MessageType:
    """One message type: what describes it to a reader of MCAP, and how messages are made."""

    def __init__(self, files: Sequence[descriptor_pb2.FileDescriptorProto], name: str) -> None:
        """`files` describe the type `name` last, and before it what it needs."""
        self.name = name
        described = descriptor_pb2.FileDescriptorSet(file=files)
        self.schema: bytes = described.SerializeToString()
        pool = descriptor_pool.DescriptorPool()
        for file in files:
            pool.Add(file)
        self._make: Any = message_factory.GetMessageClass(pool.FindMessageTypeByName(name))

    def bytes(self, **fields: object) -> bytes:
        """Return a message of `fields`."""
        encoded: bytes = self._make(**fields).SerializeToString()
        return encoded


class VideoMessages:
    """Foxglove's CompressedVideo: a frame of a film, as its decoder wants it."""

    def __init__(self) -> None:
        stamp = descriptor_pb2.FileDescriptorProto()
        timestamp_pb2.DESCRIPTOR.CopyToProto(stamp)
        file = descriptor_pb2.FileDescriptorProto(
            name="foxglove/CompressedVideo.proto",
            package="foxglove",
            syntax="proto3",
            dependency=[stamp.name],
        )
        message = file.message_type.add(name="CompressedVideo")
        time = message.field.add(name="timestamp", number=1, type=Field.TYPE_MESSAGE)
        time.type_name = ".google.protobuf.Timestamp"
        message.field.add(name="frame_id", number=2, type=Field.TYPE_STRING)
        message.field.add(name="data", number=3, type=Field.TYPE_BYTES)
        message.field.add(name="format", number=4, type=Field.TYPE_STRING)
        for field in message.field:
            field.label = Field.LABEL_OPTIONAL
        self.type = MessageType([stamp, file], "foxglove.CompressedVideo")

    def bytes(self, time_ns: int, camera: str, frame: bytes, codec: str) -> bytes:
        """Return the message of one encoded frame, taken at `time_ns`, from 0 on."""
        stamp = {"seconds": time_ns // NANOSECONDS, "nanos": time_ns % NANOSECONDS}
        return self.type.bytes(timestamp=stamp, frame_id=camera, data=frame, format=codec)


class RowMessages:
    """Rows of a dataset as messages of a type made for its columns; every bit is kept.

    A field is named as its column, with `_` for what is no letter; its JSON name is the column's.
    """

    def __init__(self, features: Mapping[str, Mapping[str, Any]]) -> None:
        """`features` are of numbers or words. Raises `ValueError` for a type that is none."""
        unknown = {n: f["dtype"] for n, f in features.items() if f["dtype"] not in OF_KIND}
        if unknown:
            raise ValueError(
                f"Expected columns of {sorted(OF_KIND)}, got {unknown}. They cannot be exported."
            )
        file = descriptor_pb2.FileDescriptorProto(
            name="vla_studio/Row.proto", package="vla_studio", syntax="proto2"
        )
        message = file.message_type.add(name="Row")
        self._fields: dict[str, str] = {}
        for number, (column, feature) in enumerate(features.items(), start=1):
            plain = re.sub(r"\W", "_", column, flags=re.ASCII)
            name = f"{plain}_{number}" if plain in self._fields.values() else plain
            self._fields[column] = name
            field = message.field.add(name=name, number=number, json_name=column)
            field.type = OF_KIND[feature["dtype"]]
            single = list(feature["shape"]) == [1]
            field.label = Field.LABEL_OPTIONAL if single else Field.LABEL_REPEATED
            field.options.packed = not single and feature["dtype"] != "string"
        self.type = MessageType([file], "vla_studio.Row")

    def bytes(self, columns: Mapping[str, np.ndarray], row: int) -> bytes:
        """Return the message of row `row` of `columns`, (rows,) or (rows, length)."""
        fields = {name: columns[column][row] for column, name in self._fields.items()}
        return self.type.bytes(
            **{
                n: v.tolist() if isinstance(v, np.ndarray | np.generic) else v
                for n, v in fields.items()
            }
        )
