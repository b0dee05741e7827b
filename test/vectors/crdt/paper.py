"""Makes paper.gz from the trace described in README.md:

    python3 test/vectors/crdt/paper.py automerge-paper.json.gz

Layout: the number of edits and the length of the final text in bytes (32 bits each, big
endian); the index of each edit (the difference from the previous one, zigzag varint, low
groups of 7 bits first); the character of each edit (NUL for a removal); the final text.
All characters are ASCII.
"""
import gzip
import json
import os
import struct
import sys


def varint(number):
    while number > 127:
        yield number & 127 | 128
        number >>= 7
    yield number


trace = json.load(gzip.open(sys.argv[1]))
edits = [patch for txn in trace["txns"] for patch in txn["patches"]]
assert all((removed, len(text)) in ((0, 1), (1, 0)) for _, removed, text in edits)

places, last = bytearray(), 0
for place, _, _ in edits:
    distance, last = place - last, place
    places.extend(varint(distance << 1 if distance >= 0 else ~(distance << 1)))
characters = "".join(text or "\0" for _, _, text in edits).encode("ascii")
end = trace["endContent"].encode("ascii")

out = struct.pack(">II", len(edits), len(end)) + places + characters + end
path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "paper.gz")
with open(path, "wb") as file:
    file.write(gzip.compress(out, 9, mtime=0))
