"""Photographs in files: read and written with all that belongs to them, found, named, and shown before and after."""
