"""Faces found and cut once, kept in packs, and given to a loader."""
