// People's Daily with MSRA, sharing the encoder.
// MSRA sentences that contain a development or test sentence are dropped.
local recipe = import '../lib/recipe.libsonnet';
recipe.config('people_daily', { msra: 1 }, recipe.hard_sharing) + { trainer+: { num_epochs: 3 } }
