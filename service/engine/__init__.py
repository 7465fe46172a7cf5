"""Engines: `base.py` is the seam. Knows tokens and processes; knows neither HTTP nor callers."""
