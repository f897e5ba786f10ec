"""Fuzzing: random inputs, and properties that hold for all of them.

`python -m tests.fuzz {config,corpus,predict,archive,kill} --n N --seed S` draws N inputs and checks
each. An input depends on the seed and its number only: `--first I --n 1` draws input I again. A
failure prints that command, and its input is written to a folder.
"""
