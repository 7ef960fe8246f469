"""Messages of COPY to blocks of whole rows, and what a server that sends them otherwise is told."""

import pytest

from shared.dialects.binary_copy import BINARY_HEADER, BINARY_TRAILER
from shared.dialects.whole_rows import BinaryRowMessages, RowMessages
from shared.errors import CountMismatch
from shared.types import BLOCK_BYTES


def test_blocks_end_where_rows_end() -> None:
    blocks: list[bytes] = []
    rows = RowMessages(blocks.append)
    messages = [b"%d," % number + b'"a\n"' * 1000 + b"\n" for number in range(100)]
    for message in messages:
        rows.write(message)
    rows.end(100)
    assert b"".join(blocks) == b"".join(messages)
    assert len(blocks) > 1
    assert max(len(block) for block in blocks) < BLOCK_BYTES + len(messages[-1])
    starts = {sum(len(block) for block in blocks[:place]) for place in range(len(blocks))}
    assert starts <= {sum(len(message) for message in messages[:place]) for place in range(100)}


def test_a_message_of_two_rows_is_found_out() -> None:
    rows = RowMessages(lambda _: None)
    rows.write(b'"1"\n"2"\n')
    with pytest.raises(CountMismatch, match="2 rows in 1 messages"):
        rows.end(2)


@pytest.mark.parametrize("messages", [[BINARY_HEADER + BINARY_TRAILER], [BINARY_HEADER, BINARY_TRAILER]])
def test_binary_rows_may_be_none(messages: list[bytes]) -> None:
    blocks: list[bytes] = []
    rows = BinaryRowMessages(blocks.append)
    for message in messages:
        rows.write(message)
    rows.end(0)
    assert blocks == []


@pytest.mark.parametrize(
    "messages",
    [
        [BINARY_HEADER + b"\0\x01row"],
        [b"\0\x01row", BINARY_TRAILER],
        [BINARY_HEADER + b"\0\x01row" + BINARY_TRAILER],
    ],
)
def test_binary_rows_without_a_beginning_or_an_end_are_found_out(messages: list[bytes]) -> None:
    rows = BinaryRowMessages(lambda _: None)
    for message in messages:
        rows.write(message)
    with pytest.raises(CountMismatch, match="no beginning or no end"):
        rows.end(1)
