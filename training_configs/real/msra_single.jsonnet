// MSRA alone; without a validation set, the weights of the last epoch are used.
local recipe = import '../lib/recipe.libsonnet';
recipe.config('msra', model=recipe.single, validate=false) + {
  data_loader+: { scheduler: { type: 'roundrobin', batch_size: 64 } },
  trainer+: { num_epochs: 4, precision: 'auto' },
}
