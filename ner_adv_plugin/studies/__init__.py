"""Studies: arms, seeds and sizes in one config, and whether transfer helped."""
