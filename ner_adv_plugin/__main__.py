"""`python -m ner_adv_plugin` is the command `allennlp`."""

from ner_adv_plugin.commands import main

if __name__ == "__main__":
    main()
