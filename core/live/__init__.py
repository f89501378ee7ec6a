"""The live market: broker, feed, simulated community and price."""
