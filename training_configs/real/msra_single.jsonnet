// MSRA alone; it has no validation set, so the last epoch counts.
local recipe = import '../lib/recipe.libsonnet';
recipe.config('msra', model=recipe.single, validate=false) + { trainer+: { num_epochs: 3 } }
