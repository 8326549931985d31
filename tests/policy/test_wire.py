import msgpack
import numpy as np
import pytest

from policy.wire import pack, unpack


def test_arrays_survive_the_wire():
    message = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": {"c": np.float32(1.5)}}
    back = unpack(pack(message))

    np.testing.assert_array_equal(back["a"], message["a"])
    assert back["b"]["c"] == 1.5 and back["a"].dtype == np.float32


def test_pickles_cannot_cross_the_wire():
    with pytest.raises(ValueError, match="cannot be sent"):
        pack({"a": np.array([object()])})
    with pytest.raises(ValueError, match="Not a message"):
        unpack(b"\xc1")


@pytest.mark.parametrize(
    "array",
    [
        {b"dtype": "<f4", b"shape": (2**63,), b"data": b""},
        {b"dtype": "(", b"shape": (1,), b"data": b"1"},
        {b"dtype": "<f4", b"shape": 1.5, b"data": 3},
        {b"dtype": b"\xff", b"shape": None, b"data": None},
        {b"shape": (1,)},
    ],
)
def test_arrays_that_make_no_sense_are_no_message(array):
    frame = msgpack.packb({"state": {b"__ndarray__": True, **array}})
    with pytest.raises(ValueError, match="Not a message"):
        unpack(frame)
