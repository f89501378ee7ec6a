"""The P2P energy trading lab: everything that is not a screen, and the web face."""
