"""What the site generates: reference pages from the registry, the command line and docstrings."""
