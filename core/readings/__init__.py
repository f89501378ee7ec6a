"""Files of readings to a Community, and a made-up community to start with."""
