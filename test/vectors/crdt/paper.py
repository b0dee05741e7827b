"""Makes paper.gz from the trace that README.md names:

    python3 test/vectors/crdt/paper.py automerge-paper.json.gz

Two columns, each of all edits, and then the text at the end: where (the distance from
the edit before it, zigzag, in groups of 7 bits, the lowest first), and which character
(NUL for a removal).  Before them the number of edits and that of the text's bytes, 32
bits each, big endian.  All characters are ASCII.
"""
import gzip
import json
import os
import struct
import sys


def groups(number):
    while number > 127:
        yield number & 127 | 128
        number >>= 7
    yield number


trace = json.load(gzip.open(sys.argv[1]))
edits = [patch for txn in trace["txns"] for patch in txn["patches"]]
assert all((gone, len(text)) in ((0, 1), (1, 0)) for _, gone, text in edits)

places, last = bytearray(), 0
for place, _, _ in edits:
    distance, last = place - last, place
    places.extend(groups(distance << 1 if distance >= 0 else ~(distance << 1)))
characters = "".join(text or "\0" for _, _, text in edits).encode("ascii")
end = trace["endContent"].encode("ascii")

out = struct.pack(">II", len(edits), len(end)) + places + characters + end
path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "paper.gz")
with open(path, "wb") as file:
    file.write(gzip.compress(out, 9, mtime=0))
