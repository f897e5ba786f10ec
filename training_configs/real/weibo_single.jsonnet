// Weibo alone.
local recipe = import '../lib/recipe.libsonnet';
recipe.config('weibo', model=recipe.single, test=false) + recipe.few_sentences
