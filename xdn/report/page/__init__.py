"""Reports that people look at: results become sections, and sections a page, a terminal's view, or CSV."""
