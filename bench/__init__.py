"""Benchmarks: what the product does in a second, beside what this machine could do at most.

`python -m bench` starts the embedded stack on a folder of its own and measures; README.md here
says how to read the tables. Nothing here is a test: a figure says little about right or wrong.
"""
