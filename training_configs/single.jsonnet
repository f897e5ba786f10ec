// Weibo alone: what every transfer result is compared with.
local recipe = import 'lib/recipe.libsonnet';
recipe.config('weibo', model=recipe.single) + recipe.small
