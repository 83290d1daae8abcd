"""What is kept for long comes back byte for byte, whichever way it was packed."""

import zlib
from concurrent.futures import ThreadPoolExecutor

from hypothesis import given
from hypothesis import strategies as st

from notifier.db.packed import pack, unpack


@given(st.binary(max_size=5000))
def test_what_was_packed_comes_back(data: bytes) -> None:
    assert unpack(pack(data)) == data


@given(st.binary(max_size=5000), st.integers(0, 9))
def test_rows_that_zlib_packed_before_are_read(data: bytes, level: int) -> None:
    assert unpack(zlib.compress(data, level)) == data


def test_threads_pack_beside_each_other() -> None:
    mails = [f"<p>{number}</p>".encode() * 1000 for number in range(200)]
    with ThreadPoolExecutor(8) as pool:
        assert [unpack(packed) for packed in pool.map(pack, mails)] == mails
