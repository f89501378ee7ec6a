"""The sides from which a result can be looked at, one module each."""
