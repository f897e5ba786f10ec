// Weibo alone.
local recipe = import '../lib/recipe.libsonnet';
recipe.config('weibo', model=recipe.single, test=false) + { trainer+: { num_epochs: 12 } }
