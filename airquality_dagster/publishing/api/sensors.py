"""``/v3/sensors``: what stations measure."""
