"""Sections of reports, one file each; they appear where their data are there."""
