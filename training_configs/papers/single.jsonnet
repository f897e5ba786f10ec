// The baseline of all recipes in this folder: Weibo alone, for the same number of steps.
local recipe = import '../lib/recipe.libsonnet';
local papers = import '../lib/papers.libsonnet';
papers.config(model=recipe.single)
