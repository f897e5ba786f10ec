// The line that every recipe here is compared with: Weibo alone, for as many steps.
local recipe = import '../lib/recipe.libsonnet';
local papers = import '../lib/papers.libsonnet';
papers.config(model=recipe.single)
