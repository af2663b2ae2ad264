"""Linkage runs: files of encodings in, a folder of links, clusters, model and report out."""
