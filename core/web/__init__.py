"""The web face: frame, routes, guard and charts."""
