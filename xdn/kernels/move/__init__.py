"""Values that change their place: copies, tables, interpolation, conversion at the edges."""
