"""RFC 6962 Merkle trees: roots, inclusion and consistency proofs, and a frontier that grows without its leaves.

    leaf = SHA-256(0x00 ‖ entry)      node = SHA-256(0x01 ‖ left ‖ right)      empty = SHA-256("")

A tree of n leaves is a perfect tree of the largest power of two below n on the left, the rest on the right; level by
level that means: pair neighbours, promote the odd one. Verification follows RFC 9162, sections 2.1.3.2 and 2.1.4.2.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

_sha256 = hashlib.sha256
EMPTY_ROOT = _sha256(b"").digest()


def leaf(entry: bytes) -> bytes:
    """The hash of one entry."""
    return _sha256(b"\0" + entry).digest()


def node(left: bytes, right: bytes) -> bytes:
    """The hash of two neighbours."""
    return _sha256(b"\1" + left + right).digest()


def leaves(entries: Iterable[bytes]) -> list[bytes]:
    """The hashes of many entries."""
    sha256 = _sha256
    return [sha256(b"\0" + entry).digest() for entry in entries]


def root(hashes: Sequence[bytes]) -> bytes:
    """The root over leaf hashes."""
    return levels(hashes)[-1][0] if hashes else EMPTY_ROOT


def levels(hashes: Sequence[bytes]) -> list[list[bytes]]:
    """Every level of the tree over leaf hashes, the leaves first, the root alone in the last. Needs one leaf."""
    found = [list(hashes)]
    while len(found[-1]) > 1:
        found.append(_parents(found[-1]))
    return found


def _parents(level: list[bytes]) -> list[bytes]:
    sha256 = _sha256
    paired = iter(level)
    above = [sha256(b"\1" + left + right).digest() for left, right in zip(paired, paired, strict=False)]
    if len(level) % 2:
        above.append(level[-1])
    return above


def inclusion_path(hashes: Sequence[bytes], index: int) -> list[bytes]:
    """The siblings from leaf `index` up to the root over all `hashes`."""
    return path_in(levels(hashes), index)


def path_in(tree: Sequence[Sequence[bytes]], index: int) -> list[bytes]:
    """The same from a tree whose levels are at hand."""
    path = []
    for level in tree[:-1]:
        sibling = index ^ 1
        if sibling < len(level):
            path.append(level[sibling])
        index >>= 1
    return path


def consistency_path(hashes: Sequence[bytes], first: int) -> list[bytes]:
    """What shows that the tree of the first `first` leaves is a prefix of the tree of all. 0 < first <= all."""
    return _subproof(list(hashes), first, whole=True)


def _subproof(hashes: list[bytes], first: int, *, whole: bool) -> list[bytes]:
    if first == len(hashes):
        return [] if whole else [root(hashes)]
    half = 1 << (len(hashes) - 1).bit_length() - 1
    if first <= half:
        return [*_subproof(hashes[:half], first, whole=whole), root(hashes[half:])]
    return [*_subproof(hashes[half:], first - half, whole=False), root(hashes[:half])]


def verify_inclusion(entry_hash: bytes, index: int, *, size: int, path: Sequence[bytes], root_hash: bytes) -> bool:
    """Whether leaf `index` of a tree of `size` leaves with this root is `entry_hash`."""
    return 0 <= index < size and root_from_path(entry_hash, index, size=size, path=path) == root_hash


def root_from_path(entry_hash: bytes, index: int, *, size: int, path: Sequence[bytes]) -> bytes | None:
    """The root that a leaf and its path lead to; None if the path has the wrong length."""
    place, last, found = index, size - 1, entry_hash
    for sibling in path:
        if last == 0:
            return None
        if place % 2 or place == last:
            found = node(sibling, found)
            while place % 2 == 0 and place:
                place >>= 1
                last >>= 1
        else:
            found = node(found, sibling)
        place >>= 1
        last >>= 1
    return found if last == 0 else None


def verify_consistency(
    first: int, second: int, *, first_root: bytes, second_root: bytes, path: Sequence[bytes]
) -> bool:
    """Whether the tree of `second` leaves extends that of `first`; 0 < first <= second."""
    if first == second:
        return first_root == second_root and not path
    if not (0 < first < second and path):
        return False
    hashes = [first_root, *path] if first & (first - 1) == 0 else list(path)
    place, last = first - 1, second - 1
    while place % 2:
        place >>= 1
        last >>= 1
    old = new = hashes[0]
    for sibling in hashes[1:]:
        if last == 0:
            return False
        if place % 2 or place == last:
            old, new = node(sibling, old), node(sibling, new)
            while place % 2 == 0 and place:
                place >>= 1
                last >>= 1
        else:
            new = node(new, sibling)
        place >>= 1
        last >>= 1
    return last == 0 and old == first_root and new == second_root


class Frontier:
    """The roots of the perfect subtrees of a growing tree, largest first: enough to append and to know the root."""

    __slots__ = ("peaks", "size")

    def __init__(self, size: int = 0, peaks: Sequence[bytes] = ()) -> None:
        self.size = size
        self.peaks = list(peaks)

    def push(self, leaf_hash: bytes) -> None:
        """Append one leaf."""
        size = self.size
        while size % 2:
            leaf_hash = node(self.peaks.pop(), leaf_hash)
            size >>= 1
        self.peaks.append(leaf_hash)
        self.size += 1

    def root(self) -> bytes:
        """The root over all leaves so far."""
        if not self.peaks:
            return EMPTY_ROOT
        found = self.peaks[-1]
        for peak in self.peaks[-2::-1]:
            found = node(peak, found)
        return found

    def copy(self) -> Frontier:
        """One that can grow on its own."""
        return Frontier(self.size, self.peaks)
