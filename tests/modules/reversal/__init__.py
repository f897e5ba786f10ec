"""Tests of reversal schedules."""
