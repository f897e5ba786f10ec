// Weibo alone: the baseline of every transfer result.
local recipe = import 'lib/recipe.libsonnet';
recipe.config('weibo', model=recipe.single) + recipe.small
