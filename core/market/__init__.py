"""The market engine: who trades what with whom at which price, and what that is worth."""
