"""Run the command `allennlp` as `python -m ner_adv_plugin`."""

from ner_adv_plugin.commands import main

if __name__ == "__main__":
    main()
