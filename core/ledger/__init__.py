"""The tamper-evident ledger: format, proofs and the file."""
