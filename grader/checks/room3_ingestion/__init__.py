"""Checks of Room 3."""
