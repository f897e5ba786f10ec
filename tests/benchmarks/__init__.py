"""Tests of the benchmarks: that they run, and everything that is counted; nothing is timed."""
