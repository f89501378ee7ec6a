"""The block explorer: what a page asks of the chain, in the words, tables and charts a person reads."""
