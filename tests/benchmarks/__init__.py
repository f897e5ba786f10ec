"""Tests of the benchmarks: that each runs, and what in them can be counted; nothing timed."""
