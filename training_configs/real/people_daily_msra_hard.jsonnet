// People's Daily with MSRA, sharing the encoder; MSRA rows that hold its dev and test rows are left out.
local recipe = import '../lib/recipe.libsonnet';
recipe.config('people_daily', { msra: 1 }, recipe.hard_sharing) + { trainer+: { num_epochs: 3 } }
