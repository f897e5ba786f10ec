// People's Daily alone.
local recipe = import '../lib/recipe.libsonnet';
recipe.config('people_daily', model=recipe.single) + { trainer+: { num_epochs: 3 } }
