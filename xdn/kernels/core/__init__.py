"""What every kernel stands on: families and their selection, layouts, driver, barrier, taps, epilogues."""
