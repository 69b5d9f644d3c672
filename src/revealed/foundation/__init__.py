"""What every room stands on: errors, paths, table schemas, provenance and the array backend.

Imports nothing above itself, and nothing here knows what a language model is.
"""
