// MSRA alone; without a validation set, the weights of the last epoch are used.
local recipe = import '../lib/recipe.libsonnet';
recipe.config('msra', model=recipe.single, validate=false) + { trainer+: { num_epochs: 3 } }
