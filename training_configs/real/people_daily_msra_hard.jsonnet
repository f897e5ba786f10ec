// People's Daily with MSRA, sharing the encoder; MSRA sentences that hold its dev and test sentences are left out.
local recipe = import '../lib/recipe.libsonnet';
recipe.config('people_daily', { msra: 1 }, recipe.hard_sharing) + { trainer+: { num_epochs: 3 } }
