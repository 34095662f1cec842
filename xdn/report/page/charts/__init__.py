"""Charts as SVG, drawn on the server; colours are classes of the page's style."""
