"""Syncline and its peers on the same work: `python -m benchmarks`. The method is in README.md beside this file.

The data's way: `scenarios → servers (start one) → load (drive it) → readings (its CPU and memory) → figures → report`.
"""
