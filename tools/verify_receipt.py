#!/usr/bin/env python3
"""Checks a receipt of the P2P energy trading lab with nothing but the standard library and `cryptography`.

    python verify_receipt.py RECEIPT.json [KEY]

KEY: the log's public key, 64 hex digits or `name+id+base64`; without it who signed is not checked. Exit 0: it holds.
"""

import base64
import hashlib
import json
import sys
from functools import reduce

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

LEAF, NODE = b"\0", b"\1"


def canonical(document):
    """The bytes that are hashed."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def sha256(*parts):
    """SHA-256 over the parts."""
    return hashlib.sha256(b"".join(parts)).digest()


def hashes(text):
    """The 32-byte hashes of a path."""
    joined = base64.b64decode(text, validate=True)
    return [joined[n : n + 32] for n in range(0, len(joined), 32)]


def unique(pairs):
    """A JSON object without a key that appears twice."""
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a key appears twice")
    return dict(pairs)


def root_of(found, index, size, path):
    """The root that a leaf and its siblings lead to: RFC 9162, section 2.1.3.2."""
    place, last = index, size - 1
    for sibling in path:
        if place % 2 or place == last:
            found = sha256(NODE, sibling, found)
            while place and place % 2 == 0:
                place, last = place >> 1, last >> 1
        else:
            found = sha256(NODE, found, sibling)
        place, last = place >> 1, last >> 1
    if last or not 0 <= index < size:
        raise ValueError("the transaction's path does not fit its place in the block")
    return found


def check(receipt, key):
    """The hash of the transaction and the signed text, once everything led to the signature."""
    header, peaks = dict(receipt["header"]), hashes(receipt["log_path"])
    if {"tx_root", "log_root"} & set(header) or len(peaks) != bin(header["height"]).count("1"):
        raise ValueError("the header or the log's path has another form")
    transaction = sha256(LEAF, canonical(receipt["transaction"]))
    header["tx_root"] = root_of(transaction, receipt["index"], header["n"], hashes(receipt["tx_path"])).hex()
    before = reduce(lambda below, peak: sha256(NODE, peak, below), peaks[1:], peaks[0] if peaks else sha256())
    header["log_root"] = before.hex()
    root = reduce(lambda below, peak: sha256(NODE, peak, below), peaks, sha256(LEAF, canonical(header)))
    text = f"{receipt['origin']}\n{header['height'] + 1}\n{base64.b64encode(root).decode()}\n"
    if "opening" in receipt:  # of a private run: what its commitment hides
        salt, whole = bytes.fromhex(receipt["opening"]["salt"]), receipt["opening"]["transaction"]
        public = {name: whole[name] for name in receipt["transaction"] if name != "commitment"}
        if receipt["transaction"] != public | {"commitment": sha256(b"\2", salt, canonical(whole)).hex()}:
            raise ValueError("the opening does not fit the commitment in the transaction")
    Ed25519PublicKey.from_public_bytes(key).verify(base64.b64decode(receipt["signature"]), text.encode())
    return transaction.hex(), text


def main(path, key=""):
    """Check one file; 0, or the sentence that says why it does not hold."""
    try:
        with open(path, encoding="utf-8") as file:
            receipt = json.load(file, object_pairs_hook=unique)
        own = base64.b64decode(receipt["key"], validate=True)
        known = bytes.fromhex(key) if len(key) == 64 else base64.b64decode(key.split("+", 2)[2])[1:] if key else own
        tx_hash, text = check(receipt, known)
    except (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError, InvalidSignature) as error:
        return f"{path} does not hold: {error or 'its parts do not lead to what was signed with this key'}"
    signer = "the key you gave" if key else f"the key in the receipt, {own.hex()}: compare it with the one you know"
    print(f"{tx_hash} is transaction {receipt['index']} of block {receipt['header']['height']}, signed with {signer}.")
    print(*(canonical(receipt[n]).decode() for n in ("transaction", "opening") if n in receipt), text, sep="\n", end="")
    return 0


if __name__ == "__main__":
    if {"-h", "--help"} & set(sys.argv[1:]):
        sys.exit(print(__doc__))
    sys.exit(main(*sys.argv[1:]) if len(sys.argv) in (2, 3) else __doc__)
