"""Shell completion, by argcomplete.

On TAB the shell starts `allennlp` with the line so far (`tab`). What the line can be completed with
is read from a file, as importing the subcommands and components would take seconds. The file
(`words`) and the script of the shell are written by `allennlp --install-completion` (`setup`).
"""

SHELLS = ("bash", "zsh", "fish")
