"""The diagrams of the site: Graphviz sources, and what is drawn from them."""
